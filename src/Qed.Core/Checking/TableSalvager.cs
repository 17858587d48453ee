using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// Finds L2 tables that nothing points at any more, and the broken L1 entry that each belongs to, where that can be told:
/// such a table maps 2 GiB of a default image, which clearing the entry would lose.
/// </summary>
internal sealed class TableSalvager
{
    private readonly BlockStorage _storage;
    private readonly ImageChecker _check;
    private readonly List<(HostOffset Offset, long Explains)> _candidates = [];

    internal TableSalvager(BlockStorage storage, ImageChecker check)
    {
        _storage = storage;
        _check = check;
    }

    /// <summary>The table of each entry that could be told.</summary>
    internal Dictionary<int, HostOffset> Found { get; } = [];

    /// <summary>Whether anything looks like an orphaned table, so that clearing an entry could lose one.</summary>
    internal bool HasCandidates => _candidates.Count > 0;

    private QedGeometry Geometry => _check.Bounds.Geometry;

    /// <summary>Looks for the tables of broken L1 entries.</summary>
    internal void Match(IEnumerable<int> l1Indexes, CancellationToken cancellation)
    {
        FindCandidates(cancellation);
        var open = new List<int>();
        foreach (int index in l1Indexes.Distinct())
        {
            HostOffset? own = ByResemblance(index);
            if (own is { } table)
                Found.Add(index, table);
            else
                open.Add(index);
        }

        List<(HostOffset Offset, long Explains)> free = _candidates
            .Where(candidate => !Found.Values.Any(taken => Overlap(taken, candidate.Offset)))
            .OrderByDescending(candidate => candidate.Explains)
            .ToList();
        // Of several that overlap, the one that accounts for more of the unreferenced clusters.
        bool isUnambiguous = open.Count == 1 && free.Count > 0
            && free.Skip(1).All(other => Overlap(free[0].Offset, other.Offset) && other.Explains < free[0].Explains);
        if (isUnambiguous && FitsInto(free[0].Offset, open[0]))
            Found.Add(open[0], free[0].Offset);
    }

    /// <summary>An entry that differs from a candidate's offset in its reserved bits or in one bit alone was that offset.</summary>
    private HostOffset? ByResemblance(int l1Index)
    {
        ulong entry = L1Value(l1Index);
        HostOffset[] alike = _candidates.Select(candidate => candidate.Offset)
            .Where(offset => IsAlike(entry, (ulong)offset.Value) && FitsInto(offset, l1Index) && !Found.ContainsValue(offset))
            .ToArray();
        return alike.Length == 1 ? alike[0] : null;
    }

    private bool IsAlike(ulong entry, ulong offset)
    {
        ulong difference = entry ^ offset;
        return (difference & ~(ulong)(Geometry.ClusterSize - 1)) == 0 || (difference & (difference - 1)) == 0;
    }

    private bool Overlap(HostOffset left, HostOffset right) => Math.Abs(left - right) < Geometry.TableBytes;

    private void FindCandidates(CancellationToken cancellation)
    {
        ClusterBitmap used = _check.References.Used;
        for (long start = used.Next(0, value: false); start < used.Count;)
        {
            long end = used.Next(start, value: true);
            int plausible = 0;
            for (long cluster = start; cluster < end; cluster++)
            {
                cancellation.ThrowIfCancellationRequested();
                plausible = LooksLikeTable(cluster) ? plausible + 1 : 0;
                if (plausible >= Geometry.TableSize)
                    AddIfTable(cluster - Geometry.TableSize + 1);
            }

            start = used.Next(end, value: false);
        }
    }

    /// <summary>Whether the first bytes of a cluster could be entries: enough to rule out nearly all that is data.</summary>
    private bool LooksLikeTable(long cluster)
    {
        Span<ulong> entries = stackalloc ulong[QedGeometry.MinimumClusterSize / TableEntry.Size];
        _storage.ReadOrZero(Geometry.OffsetOf(new ClusterIndex(cluster)).Value, TableCodec.Bytes(entries));
        TableCodec.Convert(entries);
        foreach (ulong entry in entries)
        {
            if (TableEntry.IsOffset(entry) && !IsUnreferenced(entry))
                return false;
        }

        return true;
    }

    private bool IsUnreferenced(ulong entry)
        => _check.Bounds.FaultOf(entry, 1) is null && !_check.References.Used[Geometry.ClusterOf(new HostOffset((long)entry))];

    /// <summary>A table has entries, all of them lead to clusters that nobody else references, each once, none to itself.</summary>
    private void AddIfTable(long cluster)
    {
        HostOffset table = Geometry.OffsetOf(new ClusterIndex(cluster));
        var seen = new HashSet<ulong>();
        bool isTable = ForEachEntry(table, (_, entry) =>
        {
            if (!TableEntry.IsOffset(entry))
                return true;
            bool isOwn = (long)entry >= table.Value && (long)entry < table.Value + Geometry.TableBytes;
            return !isOwn && IsUnreferenced(entry) && seen.Add(entry);
        });
        if (isTable && seen.Count > 0)
            _candidates.Add((table, seen.Count));
    }

    /// <summary>Whether a table maps nothing beyond the end of the disk if an L1 entry points at it.</summary>
    private bool FitsInto(HostOffset table, int l1Index)
    {
        int inside = _check.Bounds.EntriesInsideDisk(l1Index, 0, Geometry.EntriesPerTable);
        return inside == Geometry.EntriesPerTable
            || ForEachEntry(table, (index, entry) => index < inside || entry == TableEntry.Unallocated);
    }

    /// <summary>Goes through the entries of a table until one is refused.</summary>
    private bool ForEachEntry(HostOffset table, Func<int, ulong, bool> isAccepted)
    {
        var entries = new ulong[Math.Min(Geometry.EntriesPerTable, TableBatch.MaximumBytes / TableEntry.Size)];
        for (int first = 0; first < Geometry.EntriesPerTable; first += entries.Length)
        {
            _storage.ReadOrZero(table.Value + ((long)first * TableEntry.Size), TableCodec.Bytes(entries));
            TableCodec.Convert(entries);
            for (int i = 0; i < entries.Length; i++)
            {
                if (!isAccepted(first + i, entries[i]))
                    return false;
            }
        }

        return true;
    }

    private ulong L1Value(int l1Index)
    {
        Span<ulong> entry = stackalloc ulong[1];
        _storage.ReadOrZero(_check.Header.L1TableOffset.Value + ((long)l1Index * TableEntry.Size), TableCodec.Bytes(entry));
        TableCodec.Convert(entry);
        return entry[0];
    }
}
