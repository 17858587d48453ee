using System.Collections.Generic;

namespace Qed.Operations;

/// <summary>What a repair has done, or would do.</summary>
public sealed record RepairResult
{
    /// <summary>What was wrong before.</summary>
    public required CheckResult Before { get; init; }

    /// <summary>What is wrong afterwards: nothing, or what could not be decided safely. Of a plan the same as before.</summary>
    public required CheckResult After { get; init; }

    /// <summary>What was done, in order; of a plan, what would be done.</summary>
    public required IReadOnlyList<RepairChange> Changes { get; init; }

    /// <summary>Whether nothing was done, only said, by <see cref="RepairImage.Plan"/>.</summary>
    public bool IsPlan { get; init; }

    /// <summary>Full path of the undo file, also that of an earlier repair; null where there is none.</summary>
    public string? UndoPath { get; init; }

    /// <summary>What the repair came to: that of the check where nothing was changed, else repaired, or failed where corruptions are left.</summary>
    public CheckStatus Status
        => IsPlan || Changes.Count == 0 ? After.Status : After.Corruptions > 0 ? CheckStatus.Failed : CheckStatus.Repaired;

    /// <summary>Entries that broke a rule and do not any more.</summary>
    public long FixedCorruptions => Before.Corruptions - After.Corruptions;

    /// <summary>Clusters that nothing referenced and that the file has given back.</summary>
    public long FixedLeaks => Before.LeakedClusters - After.LeakedClusters;
}
