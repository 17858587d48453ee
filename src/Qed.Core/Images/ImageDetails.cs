using System.Collections.Generic;

namespace Qed.Images;

/// <summary>What a format's header says beyond the size of the disk; members that a format lacks are null.</summary>
internal sealed record ImageDetails
{
    /// <summary>The variant of the format, in the format's own words.</summary>
    public string? Subformat { get; init; }

    /// <summary>Bytes in a cluster (block, grain).</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table.</summary>
    public int? TableSize { get; init; }

    /// <summary>Bytes in a sector as the guest addresses it.</summary>
    public int? LogicalSectorSize { get; init; }

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it.</summary>
    public int? PhysicalSectorSize { get; init; }

    /// <summary>The largest size in bytes that the image can grow to in place.</summary>
    public long? MaximumSize { get; init; }

    /// <summary>Whether the image was not closed cleanly.</summary>
    public bool? NeedsCheck { get; init; }

    /// <summary>Names of the features that are set.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>What is shown of this format alone: what QEMU shows, in its order, and of VHDX the sector sizes.</summary>
    public IReadOnlyList<FormatProperty> Properties { get; init; } = [];

    /// <summary>Names of the internal snapshots, which a conversion drops.</summary>
    public IReadOnlyList<string> Snapshots { get; init; } = [];

    /// <summary>Names of the bitmaps that note what was changed since a backup, which a conversion drops.</summary>
    public IReadOnlyList<string> Bitmaps { get; init; } = [];
}
