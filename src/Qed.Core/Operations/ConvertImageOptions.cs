using Qed.Formats;

namespace Qed.Operations;

/// <summary>What <see cref="ConvertImage"/> is to convert, and to what.</summary>
public sealed record ConvertImageOptions
{
    /// <summary>The source image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Format of the source; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When the source of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>Name or id of the source's internal snapshot to convert; null for its present state.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Whether a data file may be opened that the source names, which could be any file of the host.</summary>
    public bool AllowExternalData { get; init; }

    /// <summary>The target's file.</summary>
    public required string DestinationPath { get; init; }

    /// <summary>Format of the target; null to go by its extension.</summary>
    public string? Format { get; init; }

    /// <summary>Variant of the target's format.</summary>
    public Subformat Subformat { get; init; }

    /// <summary>Bytes in a cluster of the target; null for the format's default.</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table of the target; null for the format's default.</summary>
    public int? TableSize { get; init; }

    /// <summary>Bytes in a sector as the guest addresses it, for formats that say it; null for the source's.</summary>
    public int? LogicalSectorSize { get; init; }

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it, for formats that say it; null for the source's.</summary>
    public int? PhysicalSectorSize { get; init; }

    /// <summary>Backing file of the target as it is to be stored; only what differs from it is written. Null for none.</summary>
    public string? BackingPath { get; init; }

    /// <summary>Format of that backing file; null to probe.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether to compress the target's data.</summary>
    public bool Compress { get; init; }

    /// <summary>Whether to read both images again and compare every byte that the guest can see.</summary>
    public bool Verify { get; init; }

    /// <summary>
    /// Whether to delete the source with all files that belong to it, which implies <see cref="Verify"/> and happens only
    /// after it succeeded.
    /// </summary>
    public bool DeleteSource { get; init; }

    /// <summary>
    /// Whether to go on where the source cannot be read, with zeroes in its place. Excludes <see cref="DeleteSource"/>;
    /// verifying compares what could be read.
    /// </summary>
    public bool Salvage { get; init; }

    /// <summary>Whether an existing target is replaced.</summary>
    public bool Force { get; init; }
}
