using System;
using System.Collections.Generic;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Space;

/// <summary>
/// Owns the clusters of an open image's file: gives them out and takes them back. The format has no list of those that are
/// free, so at first all are given out at the end of the file; once somebody has scanned the tables, what nothing references
/// is given out before the file grows. Threads may share it.
/// </summary>
/// <remarks>
/// A cluster that is freed is in use until the commit that dropped its last reference is on stable storage; whoever frees it
/// has seen to it that no request that is under way knows its place. It is then given back to the host, and given out again.
/// Neither happens before a scan has found the tables sound: two entries may lead to one cluster, and one of them stays.
/// </remarks>
internal sealed partial class ClusterSpace
{
    // Frees that wait for a commit, as a part of the file and in bytes: so much may it grow beyond what is in use.
    private const int ParkedPart = 64;
    private const long LeastParked = 1 << 20;
    private const long MostParked = 64 << 20;

    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly object _lock = new();
    // Held while clusters are taken from the host, before the other one: whoever moves clusters waits for it.
    private readonly object _releasing = new();
    private readonly SpaceEnd _end;
    private readonly PendingFrees _pending = new();
    private FreeClusters _free = new();
    private List<ClusterRun> _freedBeforeScan = [];
    private int _forgottenBeforeScan;
    private Knowledge _knowledge;
    // What kept the tables from being read.
    private Exception? _cause;
    private long _appended;
    // How often all was forgotten: what a commit has taken before that is nobody's any more.
    private int _forgotten;
    private bool _isDoubtful;
    private bool _hasForgottenFrees;

    /// <param name="storage">The image's file.</param>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="mayHaveLeaks">Whether it was not closed cleanly, so that there is space to be found.</param>
    internal ClusterSpace(BlockStorage storage, QedGeometry geometry, bool mayHaveLeaks)
    {
        _storage = storage;
        _geometry = geometry;
        _end = SpaceEnd.Of(storage, geometry);
        _isDoubtful = mayHaveLeaks;
    }

    /// <summary>What is known of the clusters below the end.</summary>
    private enum Knowledge
    {
        /// <summary>Nothing: all are taken for used.</summary>
        None,

        /// <summary>A scan is under way.</summary>
        Scanning,

        /// <summary>Which are free.</summary>
        Whole,

        /// <summary>The tables are not sound: all are taken for used, for good.</summary>
        Refused,
    }

    /// <summary>Entries must not point behind it.</summary>
    internal HostOffset Bound => _geometry.OffsetOf(new ClusterIndex(_end.Bound));

    /// <summary>Whether the file's length is on stable storage, and with it the place of every cluster that was given out.</summary>
    internal bool IsEndDurable
    {
        get
        {
            lock (_lock)
                return _end.IsDurable;
        }
    }

    /// <summary>Whether so much was freed that a commit, which lets it be used, is worth its while.</summary>
    internal bool WantsCommit
    {
        get
        {
            lock (_lock)
            {
                long part = (_end.Clusters << _geometry.ClusterBits) / ParkedPart;
                return _pending.Dropped << _geometry.ClusterBits > Math.Min(MostParked, Math.Max(LeastParked, part));
            }
        }
    }

    /// <summary>Whether clusters were freed that no commit has made durable: after one there may be room.</summary>
    internal bool HasDropped
    {
        get
        {
            lock (_lock)
                return _pending.Dropped > 0;
        }
    }

    /// <summary>Whether it is time to scan the tables: something was freed, or much was appended, or there may be leaks.</summary>
    internal bool WantsScan
    {
        get
        {
            lock (_lock)
                return _knowledge == Knowledge.None && (_pending.HasAny || _hasForgottenFrees || _isDoubtful || _appended > FileEnd.StepOf(_geometry));
        }
    }

    /// <summary>Whether nothing can be given out before the tables are scanned.</summary>
    internal bool NeedsScan
    {
        get
        {
            lock (_lock)
                return !_end.IsKnown && _knowledge != Knowledge.Refused;
        }
    }

    /// <summary>Whether there may be free clusters that nobody knows of before the tables are scanned.</summary>
    internal bool MayHaveUnknown
    {
        get
        {
            lock (_lock)
                return _knowledge is Knowledge.None or Knowledge.Scanning || (_knowledge == Knowledge.Whole && _hasForgottenFrees);
        }
    }

    /// <summary>Whether something was freed that is not given back yet, and would be after a scan.</summary>
    internal bool HasUnreleased
    {
        get
        {
            lock (_lock)
                return (_knowledge == Knowledge.None && _pending.HasAny) || (_knowledge != Knowledge.Refused && _hasForgottenFrees);
        }
    }

    /// <summary>Whether something was freed that takes space of the host still, for no scan has told that it may be given back.</summary>
    internal bool HasUngiven
    {
        get
        {
            lock (_lock)
                return !_storage.HasFixedLength && ((_knowledge != Knowledge.Whole && _pending.HasAny) || _hasForgottenFrees);
        }
    }

    /// <summary>Whether clusters were given back to the host, or cut off, which a crash may yet undo.</summary>
    internal bool HasUnsettled
    {
        get
        {
            lock (_lock)
                return _pending.HasPunched || !_end.IsDurable;
        }
    }

    /// <summary>Whether a scan has found the tables unsound.</summary>
    internal bool IsDamaged { get; private set; }

    /// <summary>How many clusters are free; null as long as nobody knows.</summary>
    internal long? FreeCount
    {
        get
        {
            lock (_lock)
                return _knowledge == Knowledge.Whole ? _free.Count : null;
        }
    }

    /// <summary>Gives clusters out that lie side by side.</summary>
    /// <param name="count">How many are wanted.</param>
    /// <param name="minimum">How many at least.</param>
    /// <param name="near">Where they would lie best; null where that is all the same.</param>
    /// <exception cref="DiskImageException">NotEnoughSpace, or what keeps the end from being known, with nothing given out.</exception>
    internal Allocation Allocate(long count, long minimum, HostOffset? near = null)
    {
        lock (_lock)
        {
            if (!_end.IsKnown)
                throw EndIsUnknown();
            long wish = near is { } place ? _geometry.ClusterOf(place).Value : -1;
            if (_free.Take(count, minimum, wish) is not { } found)
            {
                found = _end.Extend(count, minimum);
                _appended += found.Run.Count;
            }

            return new Allocation(_geometry.OffsetOf(found.Run.First), found.Run.Count, found.IsZero ? Freshness.Zero : Freshness.Stale);
        }
    }

    /// <summary>Takes clusters back whose last reference was just dropped in memory, and that no request knows the place of.</summary>
    internal void Free(HostOffset start, long count)
    {
        lock (_lock)
            _pending.Drop(new ClusterRun(_geometry.ClusterOf(start), count));
    }

    /// <summary>
    /// Takes clusters back that were never referenced. The host has them back at once, so that a disk that was filled is as
    /// empty as before: where nothing lies behind them the file is cut.
    /// </summary>
    internal void Return(Allocation allocation)
    {
        var run = new ClusterRun(_geometry.ClusterOf(allocation.Start), allocation.Count);
        lock (_lock)
        {
            // While a scan runs nothing may be given out below the end that it has begun with.
            if (_knowledge != Knowledge.Scanning && run.End == _end.Clusters && TryCut(run.First.Value))
                return;
            // Those that are dropped wait for a commit, but a full disk may have no room for one.
            _end.TryGiveBack(run);
            _pending.Park(run);
        }
    }

    /// <summary>To be called before a commit takes what has changed in the tables.</summary>
    internal SpaceCommit BeginCommit()
    {
        lock (_lock)
        {
            (List<ClusterRun> parked, List<ClusterRun> punched) = _pending.TakeForCommit();
            return new SpaceCommit(parked, punched, _end.Changes, _forgotten);
        }
    }

    /// <summary>To be called once a commit is on stable storage, or has failed; <see cref="Release"/> follows.</summary>
    internal void EndCommit(SpaceCommit commit, bool isDurable)
    {
        lock (_lock)
        {
            if (isDurable)
                _end.NoteDurable(commit.EndChanges);
            if (commit.Forgotten != _forgotten)
                return;
            if (!isDurable)
            {
                _pending.ParkAgain(commit.Parked);
                return;
            }

            _pending.NoteDurable(commit.Parked);
            commit.Punched.ForEach(_free.MarkZero);
        }
    }

    /// <summary>Gives to the host, and for use, what was freed and committed.</summary>
    internal void Release()
    {
        lock (_releasing)
        {
            List<ClusterRun> runs;
            lock (_lock)
            {
                if (_knowledge != Knowledge.Whole)
                    return;
                runs = _pending.TakeDurable();
            }

            List<ClusterRun> punched = runs.FindAll(_end.TryGiveBack);
            lock (_lock)
            {
                runs.ForEach(_free.Add);
                punched.ForEach(_pending.NotePunched);
                CutTail(FileEnd.StepOf(_geometry));
            }
        }
    }

    /// <summary>Takes the end of the file anew, after it was changed beneath.</summary>
    internal void Reload()
    {
        Forget();
        lock (_lock)
            _end.Reload();
    }

    /// <summary>Cuts off what the file was made longer by ahead of use.</summary>
    internal void CutAhead()
    {
        lock (_lock)
            _end.CutAhead();
    }

    /// <summary>Cuts off what is free at the end of the file.</summary>
    /// <returns>Whether there was any.</returns>
    internal bool CutTail()
    {
        lock (_lock)
            return CutTail(1);
    }

    /// <summary>Cuts off a tail of the file that is no whole cluster, once the tables are known not to reference it.</summary>
    internal void CutPartOfCluster()
    {
        lock (_lock)
        {
            long whole = _geometry.WholeClustersIn(new ByteCount(_storage.Length));
            if (whole < _end.Clusters)
                _end.CutTo(whole);
        }
    }

    /// <summary>A place that an entry may lead to is never given out: where there is no telling, none is.</summary>
    private DiskImageException EndIsUnknown() => _cause as DiskImageException is { } cause ? cause.WithRemedy(cause.Remedy)
        : new(ErrorKind.ImageCorrupt, "the tables are not sound, so nobody knows which part of the block device is free", _storage.Path, _cause)
        {
            Remedy = new(RemedyKind.ListDamage),
        };

    private bool CutTail(long least)
    {
        long end = _end.Clusters;
        long tail = _free.TailBefore(end);
        if (end - tail < least)
            return false;
        if (!TryCut(tail))
            return false;
        _free.Remove(new ClusterRun(new ClusterIndex(tail), end - tail));
        return true;
    }

    /// <summary>A file that the host does not cut stays longer than it need be.</summary>
    private bool TryCut(long clusters)
    {
        try
        {
            _end.CutTo(clusters);
            return true;
        }
        catch (DiskImageException)
        {
            return false;
        }
    }
}
