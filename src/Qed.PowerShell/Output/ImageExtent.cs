using System.Management.Automation;

namespace Qed;

/// <summary>A run of an image's disk, and where it lies on the host.</summary>
public sealed class ImageExtent : ImageResult
{
    internal ImageExtent(string path, MappedExtent run)
    {
        Path = path;
        Run = run;
    }

    /// <summary>Full path of the image that was mapped.</summary>
    public override string Path { get; }

    /// <summary>The run as the engine has it.</summary>
    internal MappedExtent Run { get; }

    /// <summary>Where the run starts on the guest's disk, in bytes.</summary>
    public ulong Offset => (ulong)Run.Offset;

    /// <summary>Bytes of the run.</summary>
    public ulong Length => (ulong)Run.Length;

    /// <summary>What it is: Data, Zero, or Unallocated where no image says anything.</summary>
    public ExtentKind Kind => Run.Kind;

    /// <summary>Where its first byte lies in the file <see cref="HostPath"/>; null where there is no such place.</summary>
    public ulong? HostOffset => (ulong?)Run.HostOffset;

    /// <summary>How far below the mapped image the one lies that holds it; 0 for the mapped image itself, null where none does.</summary>
    public int? Depth => Kind == ExtentKind.Unallocated ? null : Run.Depth;

    /// <summary>Full path of the image that holds it; null where none does.</summary>
    public string? HostPath => Run.HostPath;

    /// <summary>See <see cref="Offset"/>.</summary>
    [Hidden]
    public string? OffsetText => ViewText.Hex(Offset);

    /// <summary>Where the run ends.</summary>
    [Hidden]
    public string? EndText => ViewText.Hex(Offset + Length);

    /// <summary>See <see cref="Length"/>.</summary>
    [Hidden]
    public string LengthText => ByteSize.Format(Length);

    /// <summary>See <see cref="HostOffset"/>.</summary>
    [Hidden]
    public string? HostText => ViewText.Hex(HostOffset);

    /// <summary>Name of the file that holds the run.</summary>
    [Hidden]
    public string? HostNameText => HostPath is null ? null : System.IO.Path.GetFileName(HostPath);

    /// <summary>The run in a few words.</summary>
    public override string ToString() => $"{Kind}: {Length} from {Offset}";
}
