using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using Qed.Engine;
using Qed.Storage;

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

    internal ImageRepairer(BlockStorage storage, RepairMode mode, CancellationToken cancellation)
    {
        _storage = storage;
        _mode = mode;
        _cancellation = cancellation;
    }

    /// <summary>What was done.</summary>
    internal List<RepairChange> Changes { get; } = [];

    /// <summary>Lists what a repair would do, without doing it. What later rounds find, once these changes are made, is not among it.</summary>
    /// <returns>What is wrong now.</returns>
    internal CheckResult Plan()
    {
        ImageChecker checker = Check(out CheckResult result);
        if (!IsDue(checker, result))
            return result;
        PlanLength(checker, result);
        Changes.AddRange(RepairPlan.Make(_storage, checker, result.Issues, _cancellation).Changes);
        if (result.LeakedClusters > 0)
            Changes.Add(Reclaiming(result.LeakedClusters));
        if (result.NeedsCheck)
            Changes.Add(ClearingMark());
        return result;
    }

    /// <summary>Mends what can be decided safely.</summary>
    /// <returns>What is wrong afterwards.</returns>
    internal CheckResult Run()
    {
        ImageChecker checker = Check(out CheckResult result);
        if (!IsDue(checker, result))
            return result;
        if (PlanLength(checker, result) is { } length)
        {
            _storage.SetLength(length);
            _storage.Flush();
        }

        while (MendRound())
        {
        }

        result = Reclaim();
        if (!result.IsClean || !result.NeedsCheck)
            return result;
        // The pass that has just ended found nothing wrong: only now may the mark go.
        new HeaderKeeper(_storage, checker.Header, verified: true).ClearNeedCheck();
        Changes.Add(ClearingMark());
        return result with { NeedsCheck = false };
    }

    private bool IsDue(ImageChecker checker, CheckResult result)
        => result.Corruptions > 0
            ? _mode == RepairMode.All
            : !result.IsClean || result.NeedsCheck || _storage.Length != checker.Bounds.FileEnd.Value;

    private ImageChecker Check(out CheckResult result)
    {
        var checker = new ImageChecker(_storage, IssuesInRound);
        result = checker.Run(ProgressMeter.Silent, _cancellation);
        return checker;
    }

    /// <returns>Whether anything was changed, so that another look is worth it.</returns>
    private bool MendRound()
    {
        ImageChecker checker = Check(out CheckResult result);
        RepairPlan plan = RepairPlan.Make(_storage, checker, result.Issues, _cancellation);
        plan.Apply();
        Changes.AddRange(plan.Changes);
        return plan.Changes.Count > 0;
    }

    private CheckResult Reclaim()
    {
        Check(out CheckResult result);
        if (result.Corruptions > 0 || result.LeakedClusters == 0)
            return result;
        new ClusterReclaimer(_storage, _cancellation).Run();
        Changes.Add(Reclaiming(result.LeakedClusters));
        Check(out result);
        return result;
    }

    /// <summary>
    /// The length that the file should have: without a part of a cluster that nothing references, or extended by what is
    /// missing of a cluster or table whose first part is there.
    /// </summary>
    /// <returns>Null where it has that length.</returns>
    private long? PlanLength(ImageChecker checker, CheckResult result)
    {
        long length = _storage.Length;
        long wanted = checker.Bounds.FileEnd.Value;
        foreach (CheckIssue issue in result.Issues)
        {
            if (issue is { Kind: CheckIssueKind.EntryBeyondEndOfFile, HostOffset: { } start } && start.Value < length && IsCutOff(checker, issue))
                wanted = Math.Max(wanted, start.Value + (issue.L2Index is null ? checker.Header.Geometry.TableBytes : checker.Header.Geometry.ClusterSize));
        }

        if (wanted == length)
            return null;
        Changes.Add(new RepairChange(wanted > length
            ? $"Extend the file by {Text(wanted - length)} bytes of zeroes, which are missing of what its end is referenced as"
            : $"Cut off {Text(length - wanted)} bytes at the end of the file, which are no whole cluster and which nothing references"));
        return wanted;
    }

    /// <summary>Whether what the file has of a table is nobody else's, so that it is the table's first part and not a stray entry.</summary>
    private static bool IsCutOff(ImageChecker checker, CheckIssue issue)
    {
        if (issue.L2Index is not null)
            return true;
        long first = checker.Header.Geometry.ClusterOf(issue.HostOffset!.Value).Value;
        return first >= checker.Bounds.FileClusters || checker.References.Used.Next(first, value: true) == checker.Bounds.FileClusters;
    }

    private static RepairChange Reclaiming(long clusters)
        => new($"Reclaim {Text(clusters)} leaked clusters: move others down into the gaps and cut the file");

    private static RepairChange ClearingMark() => new("Clear the NEED_CHECK mark");

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
