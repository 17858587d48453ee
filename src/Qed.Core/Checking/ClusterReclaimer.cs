using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// Gives the space of unreferenced clusters back: clusters move down from the end of the file into the gaps, then the
/// file is cut. Works in rounds, each of which starts from a fresh check, so a round may be cut short anywhere.
/// </summary>
internal sealed class ClusterReclaimer
{
    // Moves between two flushes, and the most that a round remembers (24 bytes each).
    private const int MovesAtOnce = 1024;
    private const int MovesInRound = 1 << 20;

    private readonly BlockStorage _storage;
    private readonly CancellationToken _cancellation;
    private ImageChecker _check;
    private ClusterMover _mover;

    /// <param name="storage">The image.</param>
    /// <param name="cancellation">Honoured between rounds and batches of moves; the image is sound then, with fewer leaks.</param>
    internal ClusterReclaimer(BlockStorage storage, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _storage = storage;
        _check = new ImageChecker(storage, maximumIssues: 1);
        _mover = new ClusterMover(storage, _check.Bounds.Geometry);
    }

    private QedGeometry Geometry => _check.Bounds.Geometry;

    private ClusterBitmap Used => _check.References.Used;

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
        _check = new ImageChecker(_storage, maximumIssues: 1);
        _mover = new ClusterMover(_storage, Geometry);
        CheckResult result = _check.Run(ProgressMeter.Silent, _cancellation);
        if (result.Corruptions == 0)
            return result.LeakedClusters;
        throw new DiskImageException(ErrorKind.ImageCorrupt, "space cannot be reclaimed while tables are corrupt", _storage.Path)
        {
            Remedy = new(RemedyKind.ListDamage),
        };
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
        foreach (TableLocation table in _check.Tables.OrderByDescending(table => table.Offset))
        {
            long first = Geometry.ClusterOf(table.Offset).Value;
            if (first + Geometry.TableSize <= end || _mover.Waiting == MovesAtOnce)
                break;
            if (Used.FindClearRun(Geometry.TableSize, first) is not { } gap)
                continue;
            Plan(table, gap);
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
            if (_mover.Waiting == MovesAtOnce)
            {
                _mover.Apply(_cancellation);
            }

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
        foreach (TableLocation table in _check.Tables.Where(table => IsWithin(table.Offset, gap, Geometry.TableSize)))
        {
            tables.Add((table, target));
            Plan(table, new ClusterIndex(target));
            target += Geometry.TableSize;
        }

        foreach (KeyValuePair<long, HostOffset> data in DataBetween(gap, gap + Geometry.TableSize))
            _mover.Add(new ClusterIndex(data.Key), new ClusterIndex(target++), 1, EntryAfterMoving(tables, data.Value));
        if (_mover.Waiting == 0)
            return FillLowestGap(gap);
        _storage.SetLength(target << Geometry.ClusterBits);
        _mover.Apply(_cancellation);
        return true;
    }

    /// <summary>
    /// A gap in front of the L1 table, which does not move, can take only data: some from behind it, so that the gap is
    /// further up.
    /// </summary>
    private bool FillLowestGap(long gap)
    {
        long last = -1;
        HostOffset lastEntry = default;
        ForEachData((cluster, entry) =>
        {
            if (cluster > last)
                (last, lastEntry) = (cluster, entry);
        });
        if (last < gap)
            return false;
        _mover.Add(new ClusterIndex(last), new ClusterIndex(gap), 1, lastEntry);
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

    private void Plan(TableLocation table, ClusterIndex to)
        => _mover.Add(Geometry.ClusterOf(table.Offset), to, Geometry.TableSize, L1EntryOf(table));

    private bool ApplyPlan()
    {
        bool hasPlan = _mover.Waiting > 0;
        _mover.Apply(_cancellation);
        return hasPlan;
    }

    private HostOffset L1EntryOf(TableLocation table) => _check.Header.L1TableOffset + ((long)table.L1Index * TableEntry.Size);

    private void ForEachData(Action<long, HostOffset> action)
    {
        using var scanner = new TableScanner(_storage, _check.Bounds, new ReferenceMap(0));
        Dictionary<int, HostOffset> tables = _check.Tables.ToDictionary(table => table.L1Index, table => table.Offset);
        foreach (TableBatch batch in TableBatch.Cut(_check.Tables.ToList(), Geometry))
        {
            scanner.ForEachData(batch, (l1Index, l2Index, entry) => action(
                Geometry.ClusterOf(new HostOffset((long)entry)).Value, tables[l1Index] + ((long)l2Index * TableEntry.Size)));
        }
    }
}
