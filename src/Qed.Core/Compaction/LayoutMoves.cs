using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>
/// Makes the moves that others have decided, in batches of bounded size, and keeps the layout up to date. A rehearsal moves
/// nothing and counts what would be moved.
/// </summary>
internal sealed class LayoutMoves
{
    private readonly BlockStorage _storage;
    private readonly ImageScan _scan;
    private readonly ProgressMeter _meter;
    private readonly CancellationToken _cancellation;
    private readonly ClusterMover _mover;
    private readonly List<ClusterMove> _waiting = [];
    private readonly List<TableMove> _waitingTables = [];
    private readonly List<(ClusterIndex First, long Count)> _waitingFrees = [];
    // Of a rehearsal in which somebody asks where data would be.
    private readonly Whereabouts? _whereabouts;
    private long _expected;

    /// <param name="storage">The image.</param>
    /// <param name="scan">The scan that the layout is from.</param>
    /// <param name="isRehearsal">Whether nothing is to be changed.</param>
    /// <param name="remembers">Whether somebody will ask where data is by now.</param>
    /// <param name="meter">Told how many bytes are moved, of those that are to be.</param>
    /// <param name="cancellation">Honoured anywhere.</param>
    internal LayoutMoves(BlockStorage storage, ImageScan scan, bool isRehearsal, bool remembers, ProgressMeter meter, CancellationToken cancellation)
    {
        _storage = storage;
        _scan = scan;
        _meter = meter;
        _cancellation = cancellation;
        IsRehearsal = isRehearsal;
        Layout = new ImageLayout(scan);
        _whereabouts = isRehearsal && remembers ? new Whereabouts(Layout.Used.Count) : null;
        _mover = new ClusterMover(storage, Layout.Geometry, meter.ReachedAtLeast);
    }

    internal ImageLayout Layout { get; }

    internal bool IsRehearsal { get; }

    /// <summary>Clusters that were moved, each as often as it was.</summary>
    internal long Moved { get; private set; }

    /// <summary>Tells how much there is to come, for the progress alone.</summary>
    internal void Expect(long clusters)
    {
        _expected += clusters;
        _meter.Expect(_expected << Layout.Geometry.ClusterBits);
    }

    /// <summary>Moves clusters of data; who points at them is found by a pass over the tables, so there should be many at once.</summary>
    /// <param name="moves">The places, of which none lies in another.</param>
    /// <param name="cutsFile">Whether the file is cut behind its last cluster whenever some have been moved.</param>
    internal void MoveData(IReadOnlyCollection<ClusterMove> moves, bool cutsFile)
    {
        if (moves.Count == 0)
            return;
        EntryOwners? owners = IsRehearsal ? null : EntryOwners.Find(_storage, Layout, _scan, moves, _cancellation);
        foreach (ClusterMove move in moves)
        {
            // From its end, so that the file can become shorter as soon as possible.
            for (long left = move.Count; left > 0;)
            {
                long count = System.Math.Min(left, _mover.Room);
                left -= count;
                Add(new ClusterMove(new(move.From.Value + left), new(move.To.Value + left), count), owners);
                if (!_mover.IsFull)
                    continue;
                Apply();
                if (cutsFile)
                    CutTail();
            }
        }

        Apply();
    }

    /// <summary>Moves a cluster of data whose entry is known, with others: not before enough wait or <see cref="Apply"/> is called.</summary>
    /// <param name="move">From where to where; a single cluster.</param>
    /// <param name="entry">Where the entry lies that points at it.</param>
    /// <param name="original">The cluster that the entry names.</param>
    /// <param name="isForGood">Whether it stays there.</param>
    internal void Add(ClusterMove move, HostOffset entry, long original, bool isForGood)
    {
        _waiting.Add(move);
        _whereabouts?.Move(original, move.To.Value, isForGood);
        if (!IsRehearsal)
            _mover.Add(move.From, move.To, 1, entry);
    }

    /// <summary>Where the data is by now that an entry names; null where it has been brought for good.</summary>
    internal long? PlaceOf(long original) => _whereabouts is null ? original : _whereabouts.Find(original);

    /// <summary>Whether a cluster that an entry names would have been freed.</summary>
    internal bool IsFreed(long original) => _whereabouts is not null && _whereabouts.IsFreed(original);

    /// <summary>Changes an entry, so that clusters are free: not before enough wait or <see cref="Apply"/> is called.</summary>
    internal void Free(HostOffset entry, ulong value, ClusterIndex first, long count)
    {
        _waitingFrees.Add((first, count));
        _whereabouts?.Free(first, count);
        if (!IsRehearsal)
            _mover.Set(entry, value);
        if (_waitingFrees.Count >= ClusterMover.MostEntries)
            Apply();
    }

    /// <summary>Moves tables, the L1 table after the others, whose entries are in it.</summary>
    internal void MoveTables(IReadOnlyCollection<TableMove> moves)
    {
        foreach (TableMove move in moves.Where(move => move.Table != ImageLayout.L1Table))
            Add(move);
        Apply();
        foreach (TableMove move in moves.Where(move => move.Table == ImageLayout.L1Table))
            Add(move);
        Apply();
    }

    /// <summary>Makes room at the end of the file.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace.</exception>
    internal void Extend(long clusters)
    {
        if (clusters <= Layout.Used.Count)
            return;
        long length = clusters << Layout.Geometry.ClusterBits;
        if (_storage.HasFixedLength)
            _storage.RequireRoom(length);
        else if (!IsRehearsal)
            _storage.SetLength(length);
        Layout.Used.GrowTo(clusters);
    }

    /// <summary>Cuts the file behind the last cluster that is in use; not durable before a flush.</summary>
    internal void CutTail()
    {
        long end = (Layout.Used.Previous(Layout.Used.Count - 1, value: true) + 1) << Layout.Geometry.ClusterBits;
        if (!IsRehearsal && !_storage.HasFixedLength && _storage.Length > end)
            _storage.SetLength(end);
    }

    private void Add(ClusterMove move, EntryOwners? owners)
    {
        _waiting.Add(move);
        if (owners is null)
        {
            for (long i = 0; i < move.Count && _whereabouts is not null; i++)
                _whereabouts.Move(move.From.Value + i, move.To.Value + i, isForGood: false);
            return;
        }

        for (long i = 0; i < move.Count; i++)
            _mover.Add(new ClusterIndex(move.From.Value + i), new ClusterIndex(move.To.Value + i), 1, owners.EntryOf(move.From.Value + i));
    }

    private void Add(TableMove move)
    {
        _waitingTables.Add(move);
        if (!IsRehearsal)
            _mover.Add(new ClusterIndex(Layout.ClusterOf(move.Table)), move.To, Layout.Geometry.TableSize, Layout.EntryOf(move.Table));
        if (_mover.IsFull)
            Apply();
    }

    /// <summary>Makes what waits come true.</summary>
    internal void Apply()
    {
        _mover.Apply(_cancellation);
        foreach (ClusterMove move in _waiting)
        {
            Layout.Moved(move);
            Moved += move.Count;
        }

        foreach (TableMove move in _waitingTables)
        {
            Layout.Moved(move);
            Moved += Layout.Geometry.TableSize;
        }

        foreach ((ClusterIndex first, long count) in _waitingFrees)
            Layout.Freed(first, count);
        _waitingFrees.Clear();
        _waiting.Clear();
        _waitingTables.Clear();
    }
}
