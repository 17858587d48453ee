using Qed.Units;


namespace Qed.Images;

/// <summary>A run of the guest's disk of one kind, contiguous on the host where it is data.</summary>
/// <param name="Offset">Where it starts on the guest's disk.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
/// <param name="Kind">What it is.</param>
/// <param name="HostOffset">Where its first byte lies in the image's file, where one exists.</param>
internal readonly record struct Extent(GuestOffset Offset, long Length, ExtentKind Kind, HostOffset? HostOffset)
{
    /// <summary>Whether its bytes are stored compressed, so that a cluster can only be read as a whole.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>The guest offset just behind the run.</summary>
    public GuestOffset End => Offset + Length;
}
