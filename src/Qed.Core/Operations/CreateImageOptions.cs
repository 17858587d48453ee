namespace Qed.Operations;

/// <summary>What <see cref="CreateImage"/> is to create.</summary>
public sealed record CreateImageOptions
{
    /// <summary>The new image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes of the guest's disk; null for the backing file's size.</summary>
    public long? Size { get; init; }

    /// <summary>Bytes in a cluster; null for 64 KiB.</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table; null for 4.</summary>
    public int? TableSize { get; init; }

    /// <summary>Backing file as it is to be stored, relative to the new image; null for none.</summary>
    public string? BackingPath { get; init; }

    /// <summary>Short name of the backing file's format; null to probe it.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether an existing file is replaced.</summary>
    public bool Force { get; init; }
}
