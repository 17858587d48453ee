using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>
/// Gives the space of unreferenced clusters back: clusters move down from the end of the file into the gaps, then the
/// file is cut. Works in rounds, each of which starts from a fresh scan, so a round may be cut short anywhere.
/// </summary>
internal sealed class ClusterReclaimer
{
    // The most moves that a round remembers (24 bytes each).
    private const int MovesInRound = 1 << 20;

    // What the L1 table has instead of an index in itself.
    private const int NoIndex = -1;

    private readonly BlockStorage _storage;
    private readonly StageMeter _stages;
    private readonly CancellationToken _cancellation;
    private readonly ProgressMeter _meter;
    private long _moved;
    private long _movedBefore;
    private ImageScan _scan;
    private ClusterMover _mover;

    /// <param name="storage">The image.</param>
    /// <param name="stages">Told how far it is: each round scans, then moves.</param>
    /// <param name="cancellation">Honoured anywhere; the image is sound then, with fewer leaks.</param>
    internal ClusterReclaimer(BlockStorage storage, StageMeter stages, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _storage = storage;
        _stages = stages;
        _meter = stages("Moving clusters", 0);
        _scan = new ImageScan(storage, maximumFaults: 0);
        _mover = NewMover();
    }

    private QedGeometry Geometry => _scan.Bounds.Geometry;

    private ClusterBitmap Used => _scan.References.Used;

    /// <summary>All tables that can be moved: the L1 table is one whose entry is in the header.</summary>
    private IEnumerable<TableLocation> MovableTables => _scan.Tables.Append(new TableLocation(NoIndex, _scan.Header.L1TableOffset));

    /// <summary>Reclaims every leaked cluster. The image must be sound but for leaks, and nobody else may use it.</summary>
    /// <returns>Clusters by which the file has become shorter.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt where the tables cannot be trusted.</exception>
    internal long Run()
    {
        long before = Geometry.ClustersToHold(new ByteCount(_storage.Length));
        while (StartRound() > 0)
        {
            CutTail();
            long end = Used.CountBelow(Used.Count);
            _meter.Expect(_moved + ((end - Used.CountBelow(end)) << Geometry.ClusterBits));
            if (Used.Next(end, value: true) == Used.Count)
                break;
            if (!MoveTablesDown(end) && !MoveDataDown(end) && !WidenLowestGap())
                break;
        }

        CutTail();
        return before - Geometry.ClustersToHold(new ByteCount(_storage.Length));
    }

    /// <returns>Leaked clusters.</returns>
    private long StartRound()
    {
        _scan = new ImageScan(_storage, maximumFaults: 0);
        _mover = NewMover();
        _scan.Run(_stages("Checking", 0), _cancellation);
        if (_scan.Corruptions == 0)
            return _scan.ClustersBeyondEnd + _scan.Unreferenced.Sum(run => run.Count);
        throw new DiskImageException(ErrorKind.ImageCorrupt, "space cannot be reclaimed while tables are corrupt", _storage.Path)
        {
            Remedy = new(RemedyKind.ListDamage),
        };
    }

    private ClusterMover NewMover()
    {
        _movedBefore = _moved;
        return new ClusterMover(_storage, Geometry, copied => _meter.ReachedAtLeast(_moved = _movedBefore + copied));
    }

    private void CutTail()
    {
        long end = Used.Count;
        while (end > 0 && !Used[new ClusterIndex(end - 1)])
            end--;
        _storage.SetLength(end << Geometry.ClusterBits);
        _storage.Flush();
    }

    /// <summary>Moves each table that ends beyond the final length into the lowest gap that takes it whole.</summary>
    private bool MoveTablesDown(long end)
    {
        foreach (TableLocation table in MovableTables.OrderByDescending(table => table.Offset))
        {
            long first = Geometry.ClusterOf(table.Offset).Value;
            // The L1 table goes alone: the others' entries are in it.
            bool isAlone = table.L1Index == NoIndex && _mover.Waiting > 0;
            if (first + Geometry.TableSize <= end || _mover.IsFull || isAlone)
                break;
            if (Used.FindClearRun(Geometry.TableSize, first) is not { } gap)
                continue;
            Plan(table, gap, EntryOf(table));
            if (table.L1Index == NoIndex)
                break;
            for (int i = 0; i < Geometry.TableSize; i++)
                Used.TestAndSet(new ClusterIndex(gap.Value + i));
        }

        return ApplyPlan();
    }

    /// <summary>Moves data from beyond the final length into the gaps below it.</summary>
    private bool MoveDataDown(long end)
    {
        var data = new List<(long Cluster, HostOffset Entry)>();
        ForEachData((cluster, entry) =>
        {
            if (cluster >= end && data.Count < MovesInRound)
                data.Add((cluster, entry));
        });
        long gap = Used.Next(0, value: false);
        bool hasMoved = false;
        foreach ((long cluster, HostOffset entry) in data)
        {
            if (gap >= end)
                break;
            _mover.Add(new ClusterIndex(cluster), new ClusterIndex(gap), 1, entry);
            hasMoved = true;
            if (_mover.IsFull)
                _mover.Apply(_cancellation);
            gap = Used.Next(gap + 1, value: false);
        }

        _mover.Apply(_cancellation);
        return hasMoved;
    }

    /// <summary>
    /// What is left are tables at the end and gaps too narrow for them. Moving what lies behind the lowest gap to the end
    /// makes it wide enough; the next rounds fill it with a table, and what the table leaves with what was moved away.
    /// </summary>
    /// <returns>Whether anything was moved.</returns>
    private bool WidenLowestGap()
    {
        long gap = Used.Next(0, value: false);
        long target = Geometry.ClustersToHold(new ByteCount(_storage.Length));
        List<(TableLocation Table, long To)> tables = [];
        foreach (TableLocation table in MovableTables.Where(table => IsWithin(table.Offset, gap, Geometry.TableSize)))
        {
            tables.Add((table, target));
            target += Geometry.TableSize;
        }

        foreach ((TableLocation table, long to) in tables)
            Plan(table, new ClusterIndex(to), EntryAfterMoving(tables, EntryOf(table)));
        foreach (KeyValuePair<long, HostOffset> data in DataBetween(gap, gap + Geometry.TableSize))
            _mover.Add(new ClusterIndex(data.Key), new ClusterIndex(target++), 1, EntryAfterMoving(tables, data.Value));
        if (_mover.Waiting == 0)
            return false;
        _storage.SetLength(target << Geometry.ClusterBits);
        _mover.Apply(_cancellation);
        return true;
    }

    private bool IsWithin(HostOffset offset, long cluster, int count)
        => Geometry.ClusterOf(offset).Value >= cluster && Geometry.ClusterOf(offset).Value < cluster + count;

    /// <summary>An entry of a table that is moved as well is changed where the table goes.</summary>
    private HostOffset EntryAfterMoving(List<(TableLocation Table, long To)> tables, HostOffset entry)
    {
        foreach ((TableLocation table, long to) in tables)
        {
            if (entry >= table.Offset && entry - table.Offset < Geometry.TableBytes)
                return Geometry.OffsetOf(new ClusterIndex(to)) + (entry - table.Offset);
        }

        return entry;
    }

    private Dictionary<long, HostOffset> DataBetween(long from, long to)
    {
        var found = new Dictionary<long, HostOffset>();
        ForEachData((cluster, entry) =>
        {
            if (cluster >= from && cluster < to)
                found.Add(cluster, entry);
        });
        return found;
    }

    private void Plan(TableLocation table, ClusterIndex to, HostOffset entry)
        => _mover.Add(Geometry.ClusterOf(table.Offset), to, Geometry.TableSize, entry);

    private bool ApplyPlan()
    {
        bool hasPlan = _mover.Waiting > 0;
        _mover.Apply(_cancellation);
        return hasPlan;
    }

    /// <summary>Where the entry lies that leads to a table.</summary>
    private HostOffset EntryOf(TableLocation table)
        => table.L1Index == NoIndex ? new HostOffset(QedHeader.L1Field) : _scan.Header.L1TableOffset + ((long)table.L1Index * TableEntry.Size);

    private void ForEachData(Action<long, HostOffset> action)
    {
        using var scanner = new TableScanner(_storage, _scan.Bounds, new ReferenceMap(0));
        Dictionary<int, HostOffset> tables = _scan.Tables.ToDictionary(table => table.L1Index, table => table.Offset);
        foreach (TableBatch batch in TableBatch.Cut(_scan.Tables.ToList(), Geometry))
        {
            _cancellation.ThrowIfCancellationRequested();
            scanner.ForEachData(batch, (l1Index, l2Index, entry) => action(
                Geometry.ClusterOf(new HostOffset((long)entry)).Value, tables[l1Index] + ((long)l2Index * TableEntry.Size)));
        }
    }
}
