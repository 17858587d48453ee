namespace Qed;

/// <summary>A range in which two disks differ.</summary>
public sealed class DifferingRange
{
    internal DifferingRange(Transfer.DifferingRange range)
    {
        Offset = (ulong)range.Offset.Value;
        Length = (ulong)range.Length;
    }

    /// <summary>Where it starts on the guest's disk, in bytes.</summary>
    public ulong Offset { get; }

    /// <summary>Its length in bytes, whole sectors of 512 unless the disk ends within one.</summary>
    public ulong Length { get; }

    /// <summary>The range in a few words.</summary>
    public override string ToString() => $"{Length} from {Offset}";
}
