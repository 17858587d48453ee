using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Checking;

/// <summary>
/// Checks an image that another process may be writing. What a pass finds is believed only when every further pass finds
/// it as well: an entry that the writer was about to write, or a cluster that it has allocated and not yet mapped, looks
/// wrong once and right soon after.
/// </summary>
/// <remarks>
/// Nothing that is wrong becomes right by itself, so no pass misses what all others find. What writers do to an entry, to a
/// cluster that they free and to one that they use again looks wrong while a pass reads the tables, and no longer in the next.
/// A cluster that any pass has found in use counts as used, though it may have been lost since: leaks are a lower bound. One
/// that a writer has freed takes no space of the host and is free; only where the host takes no space back, or where a
/// writer is just finding out which clusters are free, it counts as leaked.
/// </remarks>
internal sealed class OnlineChecker
{
    // Far longer than a writer takes from allocating a cluster to mapping it, flushes included.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private const int Passes = 4;

    private readonly BlockStorage _storage;
    private readonly int _maximumIssues;
    private readonly CancellationToken _cancellation;
    private Dictionary<Key, ImageIssue>? _issues;
    private ClusterBitmap? _everUsed;
    // A writer may cut the file's tail: what lies behind the shortest is no cluster any more.
    private long _fewestClusters = long.MaxValue;
    private long _corruptions = long.MaxValue;

    internal OnlineChecker(BlockStorage storage, int maximumIssues, CancellationToken cancellation)
    {
        _storage = storage;
        _maximumIssues = maximumIssues;
        _cancellation = cancellation;
    }

    internal CheckResult Run(ProgressMeter progress)
    {
        ImageChecker checker;
        CheckResult result;
        UnusedSpace unused;
        TimeSpan duration = TimeSpan.Zero;
        int pass = 0;
        do
        {
            if (pass > 0 && _cancellation.WaitHandle.WaitOne(Pause))
                _cancellation.ThrowIfCancellationRequested();
            checker = new ImageChecker(_storage, _maximumIssues);
            result = checker.Run(progress, _cancellation);
            duration += result.Duration;
            Believe(checker, result);
            unused = new UnusedSpace(_storage, checker.Scan.Header.Geometry, NeverUsed());
        }
        while (++pass < Passes && (_issues!.Count > 0 || _corruptions > 0 || unused.Leaked > 0));
        return result with
        {
            IsOnline = true,
            Duration = duration,
            Corruptions = _corruptions,
            FreeClusters = unused.Free,
            LeakedClusters = unused.Leaked + checker.Scan.ClustersBeyondEnd,
            LeakedBytes = unused.LeakedBytes + (checker.Scan.ClustersBeyondEnd * result.ClusterSize),
            Issues = _issues!.Values.OrderBy(issue => (issue.L1Index, issue.L2Index ?? -1))
                .Concat(unused.Leaks.Select(run => Findings.OfLeak(run.First, run.Count, checker.Scan.Bounds.Geometry)))
                .Take(_maximumIssues)
                .ToArray(),
        };
    }

    private IEnumerable<(ClusterIndex First, long Count)> NeverUsed()
        => UnreferencedRuns.In(_everUsed!, _storage.HasFixedLength)
            .TakeWhile(run => run.First.Value < _fewestClusters)
            .Select(run => (run.First, Math.Min(run.Count, _fewestClusters - run.First.Value)));

    private void Believe(ImageChecker checker, CheckResult result)
    {
        var found = new Dictionary<Key, ImageIssue>();
        foreach (ImageIssue issue in result.Issues.Where(issue => issue.Kind != CheckIssueKind.LeakedClusters))
            found[new Key(issue.Kind, issue.L1Index, issue.L2Index, issue.HostOffset)] = issue;
        _issues = _issues is null ? found : found.Where(pair => _issues.ContainsKey(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value);
        // More than can be listed cannot be told apart; they are at most as many as the fewest that a pass has found.
        _fewestClusters = Math.Min(_fewestClusters, checker.Scan.Bounds.FileClusters);
        bool isListed = result.Corruptions <= result.Issues.Count;
        _corruptions = Math.Min(_corruptions, isListed ? _issues.Count : result.Corruptions);
        if (_everUsed is null)
            (_everUsed = new ClusterBitmap(checker.Scan.References.Used.Count)).UnionWith(checker.Scan.References.Used);
        else
            _everUsed.UnionWith(checker.Scan.References.Used);
    }

    private readonly record struct Key(CheckIssueKind Kind, int? L1Index, int? L2Index, long? HostOffset);
}
