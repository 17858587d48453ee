using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Compaction;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;

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
    private readonly IProgress<OperationProgress>? _progress;
    private readonly bool _isRehearsal;

    internal ImageRepairer(BlockStorage storage, RepairMode mode, IProgress<OperationProgress>? progress, CancellationToken cancellation)
        : this(storage, mode, isRehearsal: false, progress, cancellation)
    {
    }

    private ImageRepairer(BlockStorage storage, RepairMode mode, bool isRehearsal, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        _storage = storage;
        _mode = mode;
        _cancellation = cancellation;
        _progress = progress;
        _isRehearsal = isRehearsal;
    }

    /// <summary>What was wrong before.</summary>
    internal CheckResult? Found { get; private set; }

    /// <summary>What was done.</summary>
    internal List<RepairChange> Changes { get; } = [];

    /// <summary>Lists what a repair would do, without doing it.</summary>
    /// <returns>What is wrong now, and what would be done.</returns>
    internal static (CheckResult Check, List<RepairChange> Changes) Plan(BlockStorage storage, RepairMode mode, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        using var overlay = new OverlayStorage(storage);
        var rehearsal = new ImageRepairer(overlay, mode, isRehearsal: true, progress, cancellation);
        rehearsal.Run();
        return (rehearsal.Found!, rehearsal.Changes);
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
        result = CutPartOfCluster(checker, result);
        if (result.LeakedClusters > 0)
            result = Reclaim(checker.Scan, result);
        // The pass that has just ended found nothing wrong: only now may the mark go.
        if (!result.NeedsCheck || !result.IsClean)
            return result;
        ClearNeedCheck();
        Changes.Add(new RepairChange(RepairWords.ClearNeedCheck));
        return result with { NeedsCheck = false };
    }

    private void ClearNeedCheck()
    {
        // What is announced may be marked first, which changes the header.
        _storage.Announce(0, QedHeader.Size);
        QedHeader header = QedHeaderReader.Read(_storage);
        Span<byte> bytes = stackalloc byte[QedHeader.Size];
        (header with { Features = header.Features & ~QedFeatures.NeedCheck }).Write(bytes);
        _storage.Write(0, bytes);
        _storage.Flush();
    }

    private ImageChecker Check(out CheckResult result)
    {
        var checker = new ImageChecker(_storage, IssuesInRound);
        result = checker.Run(new ProgressMeter(_progress, "Checking"), _cancellation);
        Found ??= result;
        return checker;
    }

    /// <returns>Whether anything was changed, so that another look is worth it.</returns>
    private bool Mend(ImageChecker checker, CheckResult result)
    {
        RepairPlan plan = RepairPlan.Make(_storage, checker.Scan, result.Issues, _cancellation);
        plan.Apply(_progress, _cancellation);
        Changes.AddRange(plan.Changes);
        return !plan.IsEmpty;
    }

    /// <summary>Now that no entry is wrong, nothing references a tail that is no whole cluster.</summary>
    private CheckResult CutPartOfCluster(ImageChecker checker, CheckResult result)
    {
        long tail = result.TailBytes;
        if (tail == 0)
            return result;
        _storage.SetLength(checker.Scan.Bounds.FileEnd.Value);
        _storage.Flush();
        Changes.Add(new RepairChange(RepairWords.CutTail(tail)));
        return result with { TailBytes = 0, Issues = result.Issues.Where(issue => issue.Kind != CheckIssueKind.PartOfCluster).ToArray() };
    }

    private CheckResult Reclaim(ImageScan scan, CheckResult before)
    {
        CheckResult after = before with { LeakedClusters = 0, LeakedBytes = 0, Issues = before.Issues.Where(issue => issue.Kind != CheckIssueKind.LeakedClusters).ToArray() };
        // A rehearsal need not go through it: nothing depends on where the clusters go.
        if (!_isRehearsal)
        {
            new ClusterReclaimer(_storage, _progress, _cancellation).Run(scan);
            Check(out after);
        }

        long reclaimed = before.LeakedClusters - after.LeakedClusters;
        if (reclaimed > 0)
            Changes.Add(new RepairChange(RepairWords.Reclaimed(reclaimed)));
        return after;
    }
}
