namespace Qed.Operations;

/// <summary>What <see cref="RepairImage"/> is to do.</summary>
public sealed record RepairImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>How much may be changed.</summary>
    public RepairMode Mode { get; init; }

    /// <summary>
    /// The file in which what stood in the image before is kept; null for its own name and ".undo" beside the image. On a block device
    /// there is no such place, so a repair that changes anything needs it.
    /// </summary>
    public string? UndoPath { get; init; }

    /// <summary>Whether the undo file is removed once the repair has ended, and one of an earlier repair before it starts.</summary>
    public bool DiscardUndo { get; init; }

    /// <summary>The most issues and changes that are listed; all are counted and made.</summary>
    public int MaximumIssues { get; init; } = 100_000;
}
