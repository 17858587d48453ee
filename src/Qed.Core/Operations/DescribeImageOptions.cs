namespace Qed.Operations;

/// <summary>Which image <see cref="DescribeImage"/> is to describe.</summary>
public sealed record DescribeImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When a file of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }
}
