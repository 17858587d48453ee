namespace Qed.Operations;

/// <summary>What <see cref="UndoRepair"/> is to put back.</summary>
public sealed record UndoRepairOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>The undo file; null for the one beside the image, which a block device has none of.</summary>
    public string? UndoPath { get; init; }

    /// <summary>Whether to do so although the image was changed after the repair, or the undo file is damaged; old and new are mixed then.</summary>
    public bool Force { get; init; }
}
