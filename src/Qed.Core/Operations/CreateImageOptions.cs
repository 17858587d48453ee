namespace Qed.Operations;

/// <summary>What <see cref="CreateImage"/> is to create.</summary>
public sealed record CreateImageOptions
{
    /// <summary>The new image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Format of the new image; null for QED.</summary>
    public string? Format { get; init; }

    /// <summary>Variant of that format.</summary>
    public Subformat Subformat { get; init; }

    /// <summary>Bytes of the guest's disk; null for the backing file's size.</summary>
    public long? Size { get; init; }

    /// <summary>Bytes in a cluster; null for the format's default, which is 64 KiB for QED.</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table; null for the format's default, which is 4 for QED.</summary>
    public int? TableSize { get; init; }

    /// <summary>Bytes in a sector as the guest addresses it, for formats that say it; null for the backing image's, or 512.</summary>
    public int? LogicalSectorSize { get; init; }

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it, for formats that say it; null for the backing image's, or 4096.</summary>
    public int? PhysicalSectorSize { get; init; }

    /// <summary>Backing file as it is to be stored, relative to the new image; null for none.</summary>
    public string? BackingPath { get; init; }

    /// <summary>Short name of the backing file's format; null to probe it.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether the backing file's name is stored without opening it, which then need not exist; a size must be given.</summary>
    public bool WithoutOpeningBacking { get; init; }

    /// <summary>Whether a size that the format cannot have is rounded up to one that it can, rather than refused.</summary>
    public bool RoundUpSize { get; init; }

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Force { get; init; }
}
