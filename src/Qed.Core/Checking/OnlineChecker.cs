using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Storage;
using Qed.Tables;

namespace Qed.Checking;

/// <summary>
/// Checks an image that another process may be writing. What a pass finds is believed only when every further pass finds
/// it as well: an entry that the writer was about to write, or a cluster that it has allocated and not yet mapped, looks
/// wrong once and right soon after.
/// </summary>
/// <remarks>Sound because writers of QED only ever add clusters and entries; nothing that was wrong becomes right by itself.</remarks>
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
        }
        while (++pass < Passes && (_issues!.Count > 0 || _corruptions > 0 || UnusedIn(_everUsed!) > 0));
        return result with
        {
            IsOnline = true,
            Duration = duration,
            Corruptions = _corruptions,
            // What the last pass counts beyond clusters that nothing references lies behind entries beyond the end of the disk.
            LeakedClusters = UnusedIn(_everUsed!) + result.LeakedClusters - UnusedIn(checker.Scan.References.Used),
            Issues = _issues!.Values.OrderBy(issue => (issue.L1Index, issue.L2Index ?? -1))
                .Concat(UnreferencedRuns.In(_everUsed!, _storage.HasFixedLength).Select(run => Findings.OfLeak(run.First, run.Count, checker.Scan.Bounds.Geometry)))
                .Take(_maximumIssues)
                .ToArray(),
        };
    }

    private long UnusedIn(ClusterBitmap used) => UnreferencedRuns.In(used, _storage.HasFixedLength).Sum(run => run.Count);

    private void Believe(ImageChecker checker, CheckResult result)
    {
        var found = new Dictionary<Key, ImageIssue>();
        foreach (ImageIssue issue in result.Issues.Where(issue => issue.Kind != CheckIssueKind.LeakedClusters))
            found[new Key(issue.Kind, issue.L1Index, issue.L2Index, issue.HostOffset)] = issue;
        _issues = _issues is null ? found : found.Where(pair => _issues.ContainsKey(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value);
        // More than can be listed cannot be told apart; they are at most as many as the fewest that a pass has found.
        bool isListed = result.Corruptions <= result.Issues.Count;
        _corruptions = Math.Min(_corruptions, isListed ? _issues.Count : result.Corruptions);
        if (_everUsed is null)
            (_everUsed = new ClusterBitmap(checker.Scan.References.Used.Count)).UnionWith(checker.Scan.References.Used);
        else
            _everUsed.UnionWith(checker.Scan.References.Used);
    }

    private readonly record struct Key(CheckIssueKind Kind, int? L1Index, int? L2Index, long? HostOffset);
}
