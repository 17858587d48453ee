using System.Collections.Generic;

namespace Qed.Operations;

/// <summary>What <see cref="MergeImage"/> is to merge, and into what.</summary>
public sealed record MergeImageOptions
{
    /// <summary>The file of the image that is to be merged: the overlay.</summary>
    public required string Path { get; init; }

    /// <summary>Its format; null to probe.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>
    /// The image to merge it into: its backing file, or one further down its chain. A relative path is also looked for in
    /// the overlay's folder. Null for the backing file.
    /// </summary>
    public string? DestinationPath { get; init; }

    /// <summary>What becomes of the overlay.</summary>
    public MergedOverlay Overlay { get; init; }

    /// <summary>Folders that are searched, with all folders in them, for images that rest on what changes; those of the chain's own images always are.</summary>
    public IReadOnlyList<string> SearchPaths { get; init; } = [];

    /// <summary>Whether to merge although other images rest on what changes: they read differently afterwards.</summary>
    public bool Force { get; init; }

    /// <summary>The most bytes to read in a second, at least 1; null for as many as there can be.</summary>
    public long? MaximumBytesPerSecond { get; init; }
}
