namespace Qed.Operations;

/// <summary>Which conversion <see cref="MeasureImage"/> is to measure.</summary>
public sealed record MeasureImageOptions
{
    /// <summary>The source image's file; null where an empty disk is measured.</summary>
    public string? Path { get; init; }

    /// <summary>Bytes of the empty disk that is measured where there is no source.</summary>
    public long? Size { get; init; }

    /// <summary>Format of the source; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When the source of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>Short name of the target's format; null where all formats are measured.</summary>
    public string? Format { get; init; }

    /// <summary>Variant of the target's format.</summary>
    public Subformat Subformat { get; init; }

    /// <summary>Bytes in a cluster of the target; null for the format's default.</summary>
    public long? ClusterSize { get; init; }

    /// <summary>Clusters in a table of the target; null for the format's default.</summary>
    public int? TableSize { get; init; }

    /// <summary>Whether the target's data is to be compressed.</summary>
    public bool Compress { get; init; }

    /// <summary>Whether to read the data, compress it where the target would, and leave out what of it is zero, as a conversion does.</summary>
    public bool Exact { get; init; }
}
