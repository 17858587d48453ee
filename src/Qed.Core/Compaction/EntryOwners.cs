using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>Finds, by one pass over the tables, the entries that point at clusters that are to be moved.</summary>
internal sealed class EntryOwners
{
    private readonly QedGeometry _geometry;
    // In the order of the file, with the number of clusters in the runs before each.
    private readonly (ClusterMove Move, long Before)[] _runs;
    private readonly long[] _entries;

    private EntryOwners(QedGeometry geometry, IEnumerable<ClusterMove> moves)
    {
        _geometry = geometry;
        long count = 0;
        _runs = [.. moves.OrderBy(move => move.From.Value).Select(move => (move, (count += move.Count) - move.Count))];
        _entries = new long[count];
    }

    /// <summary>Reads all tables.</summary>
    /// <exception cref="InvalidOperationException">Nothing points at one of the clusters: it is not one of data.</exception>
    internal static EntryOwners Find(BlockStorage storage, ImageLayout layout, ImageScan scan, IEnumerable<ClusterMove> moves, CancellationToken cancellation)
    {
        var owners = new EntryOwners(layout.Geometry, moves);
        using var scanner = new TableScanner(storage, scan.Bounds, new ReferenceMap(0));
        foreach (TableBatch batch in TableBatch.Cut([.. layout.Tables], layout.Geometry))
        {
            cancellation.ThrowIfCancellationRequested();
            owners.Look(batch, scanner.EntriesOf(batch));
        }

        if (Array.IndexOf(owners._entries, 0L) >= 0)
            throw new InvalidOperationException("A cluster that is in use is nobody's.");
        return owners;
    }

    /// <summary>Where the entry lies that points at a cluster.</summary>
    internal HostOffset EntryOf(long cluster) => new(_entries[PlaceOf(cluster)]);

    private void Look(TableBatch batch, ReadOnlySpan<ulong> entries)
    {
        if (_runs.Length == 0)
            return;
        long first = _runs[0].Move.From.Value;
        long end = _runs[_runs.Length - 1].Move.From.Value + _runs[_runs.Length - 1].Move.Count;
        for (int i = 0; i < entries.Length; i++)
        {
            long cluster = (long)(entries[i] >> _geometry.ClusterBits);
            if (cluster >= first && cluster < end && PlaceOf(cluster) is >= 0 and var place)
                _entries[place] = batch.OffsetOf(i).Value;
        }
    }

    private long PlaceOf(long cluster)
    {
        int low = 0;
        int high = _runs.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (_runs[middle].Move.From.Value <= cluster)
                low = middle;
            else
                high = middle - 1;
        }

        long within = cluster - _runs[low].Move.From.Value;
        return within >= 0 && within < _runs[low].Move.Count ? _runs[low].Before + within : -1;
    }
}
