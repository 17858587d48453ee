using System.Collections.Generic;

namespace Qed.Operations;

/// <summary>What there is to know about an image without reading its data.</summary>
public sealed record ImageDescription
{
    /// <summary>Full path of the image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Short name of the format.</summary>
    public required string Format { get; init; }

    /// <summary>Whether the file is the guest's bytes and nothing else.</summary>
    public bool IsGuestBytes { get; init; }

    /// <summary>Whether images of the format are checked, repaired, resized and re-parented where they lie.</summary>
    public bool IsChangedInPlace { get; init; }

    /// <summary>Variant of the format, in its own words; null where it has none.</summary>
    public string? Subformat { get; init; }

    /// <summary>Bytes of the guest's disk.</summary>
    public required long Size { get; init; }

    /// <summary>Length of the image's file in bytes.</summary>
    public required long FileSize { get; init; }

    /// <summary>Bytes that the file takes up on the host's disk; null where the system does not tell.</summary>
    public long? AllocatedSize { get; init; }

    /// <summary>Bytes in a cluster; null where the format has none.</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table; null where the format has none.</summary>
    public int? TableSize { get; init; }

    /// <summary>Bytes in a sector as the guest addresses it; null where the format does not say.</summary>
    public int? LogicalSectorSize { get; init; }

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it; null where the format does not say.</summary>
    public int? PhysicalSectorSize { get; init; }

    /// <summary>Largest size in bytes reachable by growing in place; null where the format does not limit it.</summary>
    public long? MaximumSize { get; init; }

    /// <summary>Whether the image was not closed cleanly; null where the format has no such mark.</summary>
    public bool? NeedsCheck { get; init; }

    /// <summary>Names of the features that are set.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>What is shown of this format alone: what QEMU shows, in its order, and of VHDX the sector sizes.</summary>
    public IReadOnlyList<FormatProperty> Properties { get; init; } = [];

    /// <summary>Names of the internal snapshots.</summary>
    public IReadOnlyList<string> Snapshots { get; init; } = [];

    /// <summary>Backing file name as stored; null without one.</summary>
    public string? BackingPath { get; init; }

    /// <summary>Full path of the backing file; null without one, or where its name is refused.</summary>
    public string? BackingFullPath { get; init; }

    /// <summary>Format of the backing file where the image fixes it.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether somebody has the image open for writing; null where the system does not tell.</summary>
    public bool? InUse { get; init; }

    /// <summary>Who has it open, in words; null where nobody is known to.</summary>
    public string? InUseBy { get; init; }
}
