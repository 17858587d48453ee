using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Layout;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>Which clusters of a sound image are in use and where its tables lie: from one scan, and kept up to date while clusters are moved.</summary>
internal sealed class ImageLayout
{
    /// <summary>The number of the L1 table; the L2 tables are counted from 0, in guest order.</summary>
    internal const int L1Table = -1;

    private TableLocation[] _tables;
    private HostOffset _l1;

    /// <param name="scan">A scan that has run and found no corruption; its bitmap is this layout's from now on.</param>
    internal ImageLayout(ImageScan scan)
    {
        Geometry = scan.Header.Geometry;
        HeaderClusters = scan.Header.HeaderClusters;
        Used = scan.References.Used;
        InUse = Used.CountBelow(Used.Count);
        _l1 = scan.Header.L1TableOffset;
        _tables = [.. scan.Tables.OrderBy(table => table.L1Index)];
    }

    internal QedGeometry Geometry { get; }

    /// <summary>A bit for each cluster of the file.</summary>
    internal ClusterBitmap Used { get; }

    /// <summary>How many clusters hold something: the length of the shortest file that can.</summary>
    internal long InUse { get; private set; }

    internal long HeaderClusters { get; }

    /// <summary>All tables by number, the L1 table first.</summary>
    internal IEnumerable<int> AllTables => Enumerable.Range(L1Table, _tables.Length + 1);

    /// <summary>The L2 tables in guest order.</summary>
    internal IReadOnlyList<TableLocation> Tables => _tables;

    /// <summary>The number of an L2 table.</summary>
    internal int NumberOf(TableLocation table)
    {
        int low = 0;
        for (int high = _tables.Length - 1; low < high;)
        {
            int middle = (low + high) >> 1;
            (low, high) = _tables[middle].L1Index < table.L1Index ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>Where a table lies.</summary>
    internal HostOffset OffsetOf(int table) => table == L1Table ? _l1 : _tables[table].Offset;

    /// <summary>The first cluster of a table.</summary>
    internal long ClusterOf(int table) => Geometry.ClusterOf(OffsetOf(table)).Value;

    /// <summary>Where the entry lies that leads to a table: that of the L1 table is in the header.</summary>
    internal HostOffset EntryOf(int table)
        => table == L1Table ? new HostOffset(QedHeader.L1Field) : _l1 + ((long)_tables[table].L1Index * TableEntry.Size);

    /// <summary>The clusters of header and tables, in the order of the file.</summary>
    internal List<(long First, long End)> Structures()
    {
        List<(long First, long End)> structures = [.. AllTables.Select(ClusterOf).Select(first => (first, first + Geometry.TableSize))];
        structures.Add((0, HeaderClusters));
        structures.Sort();
        return structures;
    }

    /// <summary>Notes that clusters were moved.</summary>
    internal void Moved(ClusterMove move)
    {
        Used.Clear(move.From, move.Count);
        Used.Set(move.To, move.Count);
    }

    /// <summary>Notes that a table was moved.</summary>
    internal void Moved(TableMove move)
    {
        Moved(new ClusterMove(new ClusterIndex(ClusterOf(move.Table)), move.To, Geometry.TableSize));
        HostOffset offset = Geometry.OffsetOf(move.To);
        if (move.Table == L1Table)
            _l1 = offset;
        else
            _tables[move.Table] = _tables[move.Table] with { Offset = offset };
    }

    /// <summary>Notes that nothing references clusters any more.</summary>
    internal void Freed(ClusterIndex first, long count)
    {
        Used.Clear(first, count);
        InUse -= count;
    }

    /// <summary>Forgets L2 tables that were freed; the others are numbered anew.</summary>
    internal void DropTables(Func<int, bool> isFreed) => _tables = [.. _tables.Where((_, table) => !isFreed(table))];
}
