using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>Brings tables to their places: what lies there leaves first, to gaps or to the end of the file, which grows for it where it must.</summary>
internal sealed class TableSettler
{
    private readonly LayoutMoves _moves;
    private readonly IReadOnlyList<TableMove> _places;

    private TableSettler(LayoutMoves moves, IReadOnlyList<TableMove> places)
    {
        _moves = moves;
        _places = places;
    }

    private ImageLayout Layout => _moves.Layout;

    private int Width => Layout.Geometry.TableSize;

    /// <summary>Moves the tables.</summary>
    /// <param name="moves">Makes the moves.</param>
    /// <param name="places">Where they go: places of which none lies in another, nor in a table that is not moved.</param>
    internal static void Settle(LayoutMoves moves, IReadOnlyList<TableMove> places)
    {
        if (places.Count > 0)
            new TableSettler(moves, places).Run();
    }

    private void Run()
    {
        List<ClusterMove> data = DataInTheWay();
        // Nothing else is to go where they go.
        Claim();
        List<ClusterIndex> free = TakeFree(data.Count, 1);
        _moves.Expect(data.Count + ((long)Width * _places.Count));
        _moves.MoveData([.. data.Zip(free, (move, to) => move with { To = to })], cutsFile: false);
        Claim();
        List<int> tables = TablesInTheWay();
        free = TakeFree(tables.Count, Width);
        _moves.Expect((long)Width * tables.Count);
        _moves.MoveTables([.. tables.Zip(free, (table, to) => new TableMove(table, to))]);
        _moves.MoveTables(_places);
    }

    private void Claim()
    {
        foreach (TableMove place in _places)
            Layout.Used.Set(place.To, Width);
    }

    private List<ClusterMove> DataInTheWay()
    {
        List<(long First, long End)> structures = Layout.Structures();
        int next = 0;
        var data = new List<ClusterMove>();
        foreach (TableMove place in _places.OrderBy(place => place.To.Value))
        {
            for (long cluster = place.To.Value; cluster < place.To.Value + Width; cluster++)
            {
                while (next < structures.Count && structures[next].End <= cluster)
                    next++;
                bool isStructure = next < structures.Count && structures[next].First <= cluster;
                if (!isStructure && Layout.Used[new ClusterIndex(cluster)])
                    data.Add(new ClusterMove(new ClusterIndex(cluster), default, 1));
            }
        }

        return data;
    }

    private List<int> TablesInTheWay()
    {
        long[] places = [.. _places.Select(place => place.To.Value).OrderBy(place => place)];
        return [.. Layout.AllTables.Where(table =>
        {
            // The first place that ends behind the table's start.
            int found = Array.BinarySearch(places, Layout.ClusterOf(table) - Width + 1);
            int next = found >= 0 ? found : ~found;
            return next < places.Length && places[next] < Layout.ClusterOf(table) + Width;
        })];
    }

    /// <summary>The lowest places that are free, of a width, in use from now on; the file grows by what it lacks.</summary>
    private List<ClusterIndex> TakeFree(int count, int width)
    {
        ClusterBitmap used = Layout.Used;
        List<ClusterIndex> places = [.. used.ClearRuns(width, used.Count).Take(count)];
        // What is free at the end of the file may be a part of a place.
        long end = used.Previous(used.Count - 1, value: true) + 1;
        if (places.Count > 0)
            end = Math.Max(end, places[places.Count - 1].Value + width);
        _moves.Extend(end + ((long)width * (count - places.Count)));
        for (; places.Count < count; end += width)
            places.Add(new ClusterIndex(end));
        foreach (ClusterIndex place in places)
            used.Set(place, width);
        return places;
    }
}
