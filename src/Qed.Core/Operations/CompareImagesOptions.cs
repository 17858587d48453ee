namespace Qed.Operations;

/// <summary>Which two images <see cref="CompareImages"/> is to compare, and how far.</summary>
public sealed record CompareImagesOptions
{
    /// <summary>How many ranges a result lists unless told otherwise.</summary>
    public const int DefaultMaximumRanges = 1000;

    /// <summary>One image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When an image of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>The other image's file.</summary>
    public required string DifferencePath { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? DifferenceFormat { get; init; }

    /// <summary>The most ranges that the result lists, not negative; those beyond are only counted.</summary>
    public int MaximumRanges { get; init; } = DefaultMaximumRanges;

    /// <summary>Whether disks of different sizes count as different although only zeroes are between.</summary>
    public bool Strict { get; init; }

    /// <summary>Whether to stop at the first difference, which then is all that is known of them.</summary>
    public bool FirstOnly { get; init; }
}
