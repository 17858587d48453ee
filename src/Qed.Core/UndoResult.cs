using System.Collections.Generic;

namespace Qed;

/// <summary>What undoing a repair came to.</summary>
public sealed record UndoResult
{
    /// <summary>Full path of the image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Whether the image is byte for byte as it was before the repair. False where that was forced.</summary>
    public required bool IsExact { get; init; }

    /// <summary>Bytes of the image that were put back.</summary>
    public required long RestoredBytes { get; init; }

    /// <summary>The ranges of the file that could not be put back, because what was saved of it is damaged.</summary>
    public IReadOnlyList<ByteRange> LostRanges { get; init; } = [];

    /// <summary>Whether the undo file breaks off, so that nobody knows what else could not be put back.</summary>
    public bool IsCutOff { get; init; }

    /// <summary>Full path of the undo file where it was kept, because not all of it could be used; null where it was removed.</summary>
    public string? UndoPath { get; init; }
}
