using System;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Which image <see cref="OpenImage"/> is to open, and how.</summary>
public sealed record OpenImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When a file of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>
    /// Opened for writing: whether whole clusters of zeroes that are written give their space back, as those that are discarded
    /// do. That costs a look at all that is written.
    /// </summary>
    public bool DetectZeroes { get; init; }

    /// <summary>
    /// The most memory in bytes, 256 KiB to 4 GiB, that pages of each image's tables take: 16 MiB unless set. Of QED, 1 MiB
    /// holds the tables of 8 GiB in clusters of 64 KiB. It is taken as it is needed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside these bounds.</exception>
    public long TableCacheBytes
    {
        get;
        init => field = PageBudget.Require(value);
    } = PageBudget.Default;
}
