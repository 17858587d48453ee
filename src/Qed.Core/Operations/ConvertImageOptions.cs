using System.Collections.Generic;
using System.IO;

namespace Qed.Operations;

/// <summary>What <see cref="ConvertImage"/> is to convert, and to what.</summary>
public sealed record ConvertImageOptions
{
    /// <summary>The source image's file; with <see cref="SourceStream"/> only what messages call it.</summary>
    public required string Path { get; init; }

    /// <summary>Further images of the same format whose disks follow that of the first, each filled up to whole sectors of 512 bytes.</summary>
    public IReadOnlyList<string> FurtherPaths { get; init; } = [];

    /// <summary>
    /// A raw disk that is read from a stream instead, once and in order. Its length must be known: by <see cref="Length"/>, or
    /// because the stream tells it. A stream that is shorter or longer than that is an error.
    /// </summary>
    public Stream? SourceStream { get; init; }

    /// <summary>Where in the source's disk the part starts that is converted, in bytes.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes of that part; null for all up to the end of the disk.</summary>
    public long? Length { get; init; }

    /// <summary>Format of the source; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When the source of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>Name or id of the source's internal snapshot to convert; null for its present state.</summary>
    public string? Snapshot { get; init; }

    /// <summary>Whether a data file may be opened that the source names, which could be any file of the host.</summary>
    public bool AllowExternalData { get; init; }

    /// <summary>The target's file; with <see cref="DestinationStream"/> only what messages call it.</summary>
    public required string DestinationPath { get; init; }

    /// <summary>A stream that gets the bytes of the disk in order, as a raw image has them, instead of a file.</summary>
    public Stream? DestinationStream { get; init; }

    /// <summary>
    /// Whether the contents go into an image that exists, raw or QED and large enough, where it lies. What lies behind the
    /// source's end stays as it was. Of an interrupted conversion it holds a part.
    /// </summary>
    public bool IntoExisting { get; init; }

    /// <summary>Whether the image that exists is known to read as zeroes, so that none need be written.</summary>
    public bool TargetIsZero { get; init; }

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

    /// <summary>Whether zeroes and holes are written like data, so that the target has space for its whole disk.</summary>
    public bool AllocateAll { get; init; }

    /// <summary>The most bytes to read in a second, at least 1; null for as many as there can be.</summary>
    public long? MaximumBytesPerSecond { get; init; }

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
