using System.Collections.Generic;
using Qed.Checking;

namespace Qed.Operations;

/// <summary>What a repair has done.</summary>
public sealed record RepairResult
{
    /// <summary>What was wrong before.</summary>
    public required CheckResult Found { get; init; }

    /// <summary>What is wrong afterwards: nothing, or what could not be decided safely.</summary>
    public required CheckResult Check { get; init; }

    /// <summary>What was done, in order; from <see cref="RepairImage.Plan"/>, what would be done.</summary>
    public required IReadOnlyList<RepairChange> Changes { get; init; }

    /// <summary>Full path of the undo file, also that of an earlier repair; null where there is none.</summary>
    public string? UndoPath { get; init; }
}
