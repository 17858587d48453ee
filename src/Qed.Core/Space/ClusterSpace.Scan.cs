using System;
using System.Linq;
using Qed.Tables;
using Qed.Units;

namespace Qed.Space;

/// <summary>What a scan of the tables tells of the clusters, and what makes it be forgotten again.</summary>
internal sealed partial class ClusterSpace
{
    /// <summary>To be called before a scan, while no request holds clusters that it has not mapped.</summary>
    /// <returns>The end: everything that is in use below it must be in the tables on the disk before they are scanned.</returns>
    internal long BeginScan()
    {
        // What is being given back would be given out beside the scan.
        lock (_releasing)
        {
            lock (_lock)
            {
                _knowledge = Knowledge.Scanning;
                // Two requests may both have found that a scan is wanted. What is given out while the second one runs must lie
                // behind the end, like that of the first, or it would be found to be free.
                _free = new FreeClusters();
                _freedBeforeScan = [.. _pending.All];
                _forgottenBeforeScan = _forgotten;
                return _end.Clusters;
            }
        }
    }

    /// <summary>Takes over what a scan has found; <see cref="Release"/> follows.</summary>
    /// <param name="end">Where the clusters ended when it began; what was given out since lies behind.</param>
    /// <param name="used">What was referenced, before the scan or while it was under way; null where the tables are not sound.</param>
    /// <param name="mayRepeat">Whether another scan may follow.</param>
    /// <returns>
    /// False where that is needed: clusters that were freed meanwhile were found in use, by the entry that was just dropped, as
    /// it should be, or by another.
    /// </returns>
    internal bool EndScan(long end, ClusterBitmap? used, bool mayRepeat) => EndScan(end, used, mayRepeat, mayGiveBack: true);

    private bool EndScan(long end, ClusterBitmap? used, bool mayRepeat, bool mayGiveBack)
    {
        lock (_lock)
        {
            // Clusters may have been moved since.
            if (_forgottenBeforeScan != _forgotten)
                return true;
            bool IsUsed(ClusterRun run) => used!.Next(run.First.Value, value: true) < Math.Min(run.End, used.Count);
            if (used is null || (_end.IsKnown && used.Next(_end.Clusters, value: true) < used.Count) || _freedBeforeScan.Exists(IsUsed))
            {
                _knowledge = Knowledge.Refused;
                IsDamaged = true;
                return true;
            }

            if (mayRepeat && _pending.All.Any(IsUsed))
            {
                _knowledge = Knowledge.None;
                return false;
            }

            // They stay in use until another scan is made, in closing at the latest.
            bool leavesSome = _pending.Withdraw(IsUsed);
            _end.Learn(used.Previous(used.Count - 1, value: true) + 1);
            end = Math.Min(end, _end.Clusters);
            foreach ((ClusterIndex first, long count) in UnreferencedRuns.In(used, endsBeforeFile: false).TakeWhile(run => run.First.Value < end))
                _free.Add(new ClusterRun(first, Math.Min(count, end - first.Value)));
            foreach (ClusterRun run in _pending.All)
                _free.Remove(run);
            _knowledge = Knowledge.Whole;
            // What was lost takes space of the host, and would go on doing so when the mark is gone that tells of it.
            if (mayGiveBack && (_isDoubtful || _hasForgottenFrees))
                TakeBackFree();
            _isDoubtful = false;
            _hasForgottenFrees = leavesSome;
            return true;
        }
    }

    /// <summary>A scan was cut short.</summary>
    internal void AbandonScan()
    {
        lock (_lock)
        {
            if (_knowledge == Knowledge.Scanning)
                _knowledge = Knowledge.None;
        }
    }

    /// <summary>The tables could not be read: everything is taken for used from here on.</summary>
    /// <param name="cause">Why.</param>
    internal void GiveUpScan(Exception cause)
    {
        lock (_lock)
        {
            _knowledge = Knowledge.Refused;
            _cause = cause;
        }
    }

    /// <summary>Takes over what a scan has found that ran before anybody used the image, and found the tables sound.</summary>
    internal void Learn(ClusterBitmap used) => EndScan(BeginScan(), used, mayRepeat: false, mayGiveBack: false);

    /// <summary>Gives to the host what was found to be free when the image was opened: where it was not closed cleanly, that takes space.</summary>
    internal void GiveBackFree()
    {
        lock (_lock)
            TakeBackFree();
        Release();
    }

    /// <summary>Forgets what is free, before clusters are moved, or references dropped that nobody tells of; waits for what is being given back.</summary>
    /// <param name="willDrop">Whether references are dropped.</param>
    internal void Forget(bool willDrop = false)
    {
        lock (_releasing)
        {
            lock (_lock)
            {
                _isDoubtful |= _knowledge == Knowledge.Whole;
                _hasForgottenFrees |= willDrop || _pending.HasAny;
                _knowledge = _knowledge == Knowledge.Refused ? Knowledge.Refused : Knowledge.None;
                _free = new FreeClusters();
                _pending.Clear();
                _forgotten++;
            }
        }
    }

    /// <summary>Nothing that was freed takes space any more: clusters were moved into all of it.</summary>
    internal void NoteReclaimed()
    {
        lock (_lock)
            _hasForgottenFrees = false;
    }

    /// <summary>A block device is none the smaller for what is given back.</summary>
    private void TakeBackFree()
    {
        while (!_storage.HasFixedLength && _free.Take(_free.Count, 1, -1) is { } found)
            _pending.NoteDurable([found.Run]);
    }
}
