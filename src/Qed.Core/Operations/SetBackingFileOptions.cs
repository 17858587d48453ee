namespace Qed.Operations;

/// <summary>What <see cref="SetBackingFile"/> is to do.</summary>
public sealed record SetBackingFileOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>The new backing file as it is to be stored, relative to the image; null makes the image self-contained.</summary>
    public string? BackingPath { get; init; }

    /// <summary>Short name of its format; null to probe it.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Whether to write the name alone, trusting that the contents are equal.</summary>
    public bool MetadataOnly { get; init; }
}
