using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>Chooses where tables go: each needs several clusters side by side.</summary>
internal static class TablePlaces
{
    /// <summary>
    /// Places for the tables that end behind the final length of the file: gaps where there are any, else what data can
    /// leave. Where tables lie so that nothing between them is wide enough, all of them go to the front.
    /// </summary>
    internal static IReadOnlyList<TableMove> BelowEnd(ImageLayout layout)
    {
        int[] outside = [.. layout.AllTables.Where(table => layout.ClusterOf(table) + layout.Geometry.TableSize > layout.InUse)];
        List<long> places = [.. layout.Used.ClearRuns(layout.Geometry.TableSize, layout.InUse).Take(outside.Length).Select(gap => gap.Value)];
        if (places.Count < outside.Length)
            places = [.. places, .. BetweenStructures(layout, places).Take(outside.Length - places.Count)];
        return places.Count < outside.Length
            ? AtFront(layout)
            : [.. outside.Zip(places, (table, place) => new TableMove(table, new ClusterIndex(place)))];
    }

    /// <summary>Places right behind the header, the L1 table first and then the others in guest order.</summary>
    internal static IReadOnlyList<TableMove> AtFront(ImageLayout layout)
        => [.. layout.AllTables
            .Select(table => new TableMove(table, new ClusterIndex(layout.HeaderClusters + ((table - ImageLayout.L1Table) * (long)layout.Geometry.TableSize))))
            .Where(move => layout.ClusterOf(move.Table) != move.To.Value)];

    private static IEnumerable<long> BetweenStructures(ImageLayout layout, List<long> taken)
    {
        int width = layout.Geometry.TableSize;
        List<(long First, long End)> structures = layout.Structures();
        structures.AddRange(taken.Select(first => (first, first + width)));
        structures.Add((layout.InUse, layout.InUse));
        structures.Sort();
        long from = 0;
        foreach ((long first, long end) in structures.TakeWhile(structure => structure.First <= layout.InUse))
        {
            for (; from + width <= first; from += width)
                yield return from;
            from = Math.Max(from, end);
        }
    }
}
