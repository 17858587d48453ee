using Qed.Images;

namespace Qed.Formats;

/// <summary>What a new image is to be like. Members that a format lacks must be null, or creating it is refused.</summary>
internal sealed record TargetOptions
{
    /// <summary>Bytes of the guest's disk, a multiple of the format's granularity.</summary>
    public required long Size { get; init; }

    /// <summary>Bytes in a cluster (block, grain); null for the format's default.</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table; null for the format's default.</summary>
    public int? TableSize { get; init; }

    /// <summary>Bytes in a sector as the guest addresses it; null for the backing image's, or the format's default.</summary>
    public int? LogicalSectorSize { get; init; }

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it; null for the backing image's, or the format's default.</summary>
    public int? PhysicalSectorSize { get; init; }

    /// <summary>The backing file as it is to be stored.</summary>
    public BackingReference? Backing { get; init; }

    /// <summary>The opened backing image, for formats that store more of it than its name. Stays the caller's.</summary>
    public DiskImage? BackingImage { get; init; }

    /// <summary>Which variant of the format.</summary>
    public Subformat Subformat { get; init; }

    /// <summary>Whether data is to be compressed.</summary>
    public bool Compress { get; init; }
}
