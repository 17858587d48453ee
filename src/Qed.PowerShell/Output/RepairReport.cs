using System.Linq;
using System.Management.Automation;
using Qed.Operations;

namespace Qed;

/// <summary>What a repair has done, and how the image is now.</summary>
public sealed class RepairReport : CheckReport
{
    internal RepairReport(RepairResult repair)
        : base(repair.After, repair.Status)
    {
        Changes = repair.Changes.Select(change => change.Description).ToArray();
        UndoPath = repair.UndoPath;
    }

    /// <summary>What was changed.</summary>
    public string[] Changes { get; }

    /// <summary>The file with which the repair can be undone; null where there is none.</summary>
    public string? UndoPath { get; }

    /// <summary>How many changes were made.</summary>
    [Hidden]
    public int ChangesText => Changes.Length;

    /// <summary>The undo file's name, beside the image or elsewhere.</summary>
    [Hidden]
    public string? UndoText => UndoPath is null ? null : ShortNameOf(UndoPath);
}
