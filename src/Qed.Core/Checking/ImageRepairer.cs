using System.Collections.Generic;
using System.Threading;
using Qed.Engine;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Checking;

/// <summary>
/// Mends a QED image that nobody else uses. Works in rounds, each of which starts from a fresh check, so that a repair
/// that was cut short anywhere can simply be run again.
/// </summary>
internal sealed class ImageRepairer
{
    // The most findings that one round mends; more of them wait for the next.
    private const int IssuesInRound = 1 << 16;

    private readonly BlockStorage _storage;
    private readonly RepairMode _mode;
    private readonly CancellationToken _cancellation;
    private readonly bool _isRehearsal;

    internal ImageRepairer(BlockStorage storage, RepairMode mode, CancellationToken cancellation)
        : this(storage, mode, isRehearsal: false, cancellation)
    {
    }

    private ImageRepairer(BlockStorage storage, RepairMode mode, bool isRehearsal, CancellationToken cancellation)
    {
        _storage = storage;
        _mode = mode;
        _cancellation = cancellation;
        _isRehearsal = isRehearsal;
    }

    /// <summary>What was done.</summary>
    internal List<RepairChange> Changes { get; } = [];

    /// <summary>Lists what a repair would do, without doing it.</summary>
    /// <returns>What is wrong now, and what would be done.</returns>
    internal static (CheckResult Check, List<RepairChange> Changes) Plan(BlockStorage storage, RepairMode mode, CancellationToken cancellation)
    {
        using var overlay = new OverlayStorage(storage);
        var rehearsal = new ImageRepairer(overlay, mode, isRehearsal: true, cancellation);
        rehearsal.Check(out CheckResult result);
        rehearsal.Run();
        return (result, rehearsal.Changes);
    }

    /// <summary>Mends what can be decided safely.</summary>
    /// <returns>What is wrong afterwards.</returns>
    internal CheckResult Run()
    {
        ImageChecker checker = Check(out CheckResult result);
        if (result.Corruptions > 0 && _mode == RepairMode.Leaks)
            return result;
        while (!result.IsClean && Mend(checker, result))
            checker = Check(out result);
        if (result.Corruptions > 0)
            return result;
        CutPartOfCluster(checker);
        if (result.LeakedClusters > 0)
            result = Reclaim(result);
        // The pass that has just ended found nothing wrong: only now may the mark go.
        if (!result.NeedsCheck || !result.IsClean)
            return result;
        new HeaderKeeper(_storage, checker.Header, verified: true).ClearNeedCheck();
        Changes.Add(new RepairChange("Clear the NEED_CHECK mark"));
        return result with { NeedsCheck = false };
    }

    private ImageChecker Check(out CheckResult result)
    {
        var checker = new ImageChecker(_storage, IssuesInRound);
        result = checker.Run(ProgressMeter.Silent, _cancellation);
        return checker;
    }

    /// <returns>Whether anything was changed, so that another look is worth it.</returns>
    private bool Mend(ImageChecker checker, CheckResult result)
    {
        RepairPlan plan = RepairPlan.Make(_storage, checker, result.Issues, _cancellation);
        plan.Apply(_cancellation);
        Changes.AddRange(plan.Changes);
        return !plan.IsEmpty;
    }

    /// <summary>Now that no entry is wrong, nothing references a tail that is no whole cluster.</summary>
    private void CutPartOfCluster(ImageChecker checker)
    {
        long tail = _storage.Length - checker.Bounds.FileEnd.Value;
        if (tail == 0)
            return;
        _storage.SetLength(checker.Bounds.FileEnd.Value);
        _storage.Flush();
        Changes.Add(new RepairChange($"Cut off {Text(tail)} bytes at the end of the file, which are no whole cluster and which nothing references"));
    }

    private CheckResult Reclaim(CheckResult before)
    {
        CheckResult after = before with { LeakedClusters = 0 };
        // A rehearsal need not go through it: nothing depends on where the clusters go.
        if (!_isRehearsal)
        {
            new ClusterReclaimer(_storage, _cancellation).Run();
            Check(out after);
        }

        long reclaimed = before.LeakedClusters - after.LeakedClusters;
        if (reclaimed > 0)
            Changes.Add(new RepairChange($"Reclaim {Text(reclaimed)} leaked clusters: move others down into the gaps and cut the file"));
        return after;
    }
}
