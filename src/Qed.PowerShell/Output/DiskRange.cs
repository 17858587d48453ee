using System.Management.Automation;

namespace Qed;

/// <summary>A range of a disk, such as one in which two disks differ.</summary>
public sealed class DiskRange
{
    internal DiskRange(ByteRange range)
    {
        Offset = (ulong)range.Offset;
        Length = (ulong)range.Length;
    }

    /// <summary>Where it starts on the guest's disk, in bytes.</summary>
    public ulong Offset { get; }

    /// <summary>Its length in bytes, mostly whole sectors of 512.</summary>
    public ulong Length { get; }

    /// <summary>See <see cref="Offset"/>.</summary>
    [Hidden]
    public string? OffsetText => ViewText.Hex(Offset);

    /// <summary>Where it ends.</summary>
    [Hidden]
    public string? EndText => ViewText.Hex(Offset + Length);

    /// <summary>See <see cref="Length"/>.</summary>
    [Hidden]
    public string LengthText => ByteSize.Format(Length);

    /// <summary>The range in a few words.</summary>
    public override string ToString() => $"{Length} from {Offset}";
}
