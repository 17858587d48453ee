using Qed.Operations;

namespace Qed.Server;

/// <summary>Which image <see cref="NbdExport.Open"/> is to offer, and how.</summary>
public sealed record NbdExportOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When a file of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>Whether clients only read. Without an overlay, only QED and raw images can be written.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>
    /// A QED image that takes what clients write, so that the image itself stays as it is: a new one, or one that rests on the
    /// image already; null for none.
    /// </summary>
    public string? OverlayPath { get; init; }

    /// <summary>
    /// Whether the overlay is to stand alone: what clients do not write is copied into it while they use it, and then the
    /// image is let go of. An overlay that stands alone already is served without the image.
    /// </summary>
    public bool IsStreamed { get; init; }

    /// <summary>How fast the image is read for that at most, in bytes a second and at least 1; null as fast as it goes.</summary>
    public long? StreamedBytesPerSecond { get; init; }

    /// <summary>Whether what clients write goes to an overlay that is thrown away.</summary>
    public bool IsSnapshot { get; init; }

    /// <summary>What clients ask for.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>What a person is told about it; null for the image's path.</summary>
    public string? Description { get; init; }

    /// <summary>Where the part of the disk begins that clients see, in bytes.</summary>
    public long Offset { get; init; }

    /// <summary>Whether clusters of zeroes that are written give their space back: <see cref="OpenImageOptions.DetectZeroes"/>.</summary>
    public bool DetectZeroes { get; init; }
}
