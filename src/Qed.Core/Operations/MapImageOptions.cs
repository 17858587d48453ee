namespace Qed.Operations;

/// <summary>Which image <see cref="MapImage"/> is to map.</summary>
public sealed record MapImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>When the source of no known format is taken for a raw disk, where its format is not given.</summary>
    public RawFallback RawFallback { get; init; }

    /// <summary>Whether to map what the image alone says; nothing that it rests on is opened then.</summary>
    public bool TopOnly { get; init; }

    /// <summary>
    /// Whether places where a check of the image (QED) finds something wrong are told as damaged; otherwise the first one
    /// is an error.
    /// </summary>
    public bool TellDamage { get; init; }
}
