using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Space;

/// <summary>
/// Clusters on their way from the entry that was dropped to being free. Nobody may write there as long as a crash could bring
/// the entry back: first they wait for the commit of it, then to be taken from the host, then for that to be on stable
/// storage, from which on they read as zeroes. Not thread-safe.
/// </summary>
internal sealed class PendingFrees
{
    private List<ClusterRun> _parked = [];
    private List<ClusterRun> _durable = [];
    private List<ClusterRun> _punched = [];
    // What commits that have not ended have taken, each its own list.
    private readonly List<List<ClusterRun>> _committing = [];

    /// <summary>Clusters whose last reference is dropped in memory alone.</summary>
    internal long Dropped { get; private set; }

    /// <summary>Whether there are clusters that could be free, had they been given back.</summary>
    internal bool HasAny => _parked.Count > 0 || _durable.Count > 0;

    /// <summary>Whether something was taken from the host that no commit has followed.</summary>
    internal bool HasPunched => _punched.Count > 0;

    /// <summary>All that must not be given out yet.</summary>
    internal IEnumerable<ClusterRun> All => _parked.Concat(_committing.SelectMany(runs => runs)).Concat(_durable);

    /// <summary>Adds clusters whose last reference was dropped in memory.</summary>
    internal void Drop(ClusterRun run)
    {
        Dropped += run.Count;
        Park(run);
    }

    /// <summary>Adds clusters that wait for a commit though nothing has referenced them.</summary>
    internal void Park(ClusterRun run) => Append(_parked, run);

    /// <summary>Notes what was taken from the host, which a crash may yet undo.</summary>
    internal void NotePunched(ClusterRun run) => _punched.Add(run);

    /// <summary>Takes what a commit that begins now makes durable.</summary>
    internal (List<ClusterRun> Parked, List<ClusterRun> Punched) TakeForCommit()
    {
        (List<ClusterRun> Parked, List<ClusterRun> Punched) taken = (_parked, _punched);
        (_parked, _punched, Dropped) = ([], [], 0);
        _committing.Add(taken.Parked);
        return taken;
    }

    /// <summary>What was parked is durable: nothing on the disk leads to it any more.</summary>
    internal void NoteDurable(List<ClusterRun> runs)
    {
        _committing.Remove(runs);
        _durable.AddRange(runs);
    }

    /// <summary>Parks again what a commit has not made durable.</summary>
    internal void ParkAgain(List<ClusterRun> runs)
    {
        _committing.Remove(runs);
        runs.ForEach(Drop);
    }

    /// <summary>Takes what can be given back, neighbours as one.</summary>
    internal List<ClusterRun> TakeDurable()
    {
        var merged = new List<ClusterRun>();
        foreach (ClusterRun run in _durable.OrderBy(run => run.First.Value))
            Append(merged, run);
        _durable = [];
        return merged;
    }

    /// <summary>Leaves clusters out that are in use after all, or may be.</summary>
    /// <returns>Whether there were any.</returns>
    internal bool Withdraw(Func<ClusterRun, bool> mustStay)
        => _committing.Append(_parked).Append(_durable).Sum(runs => runs.RemoveAll(run => mustStay(run))) > 0;

    internal void Clear()
    {
        (_parked, _durable, _punched, Dropped) = ([], [], [], 0);
        _committing.Clear();
    }

    /// <summary>Adds a run, as a part of the last one where it lies behind that.</summary>
    private static void Append(List<ClusterRun> runs, ClusterRun run)
    {
        if (runs.Count > 0 && runs[runs.Count - 1] is var last && last.End == run.First.Value)
            runs[runs.Count - 1] = last with { Count = last.Count + run.Count };
        else
            runs.Add(run);
    }
}
