using System;
using System.Collections.Generic;
using Qed.Layout;
using Qed.Units;

namespace Qed.Tables;

/// <summary>An L2 table to be scanned.</summary>
/// <param name="L1Index">The L1 entry that points at it.</param>
/// <param name="Offset">Where it lies.</param>
internal readonly record struct TableLocation(int L1Index, HostOffset Offset);

/// <summary>A run of table entries that is read at once: whole small tables side by side, or a piece of a large one.</summary>
/// <param name="Tables">The tables in file order; one only where it is a piece.</param>
/// <param name="Offset">Where the run lies.</param>
/// <param name="FirstEntry">Index in its table of the first entry read.</param>
/// <param name="Entries">Entries read.</param>
internal sealed record TableBatch(IReadOnlyList<TableLocation> Tables, HostOffset Offset, int FirstEntry, int Entries)
{
    /// <summary>The most bytes that are read at once.</summary>
    internal const int MaximumBytes = 1 << 20;

    /// <summary>Entries read of each of the tables.</summary>
    internal int EntriesEach => Entries / Tables.Count;

    /// <summary>Where an entry of the batch lies: the tables lie side by side.</summary>
    internal HostOffset OffsetOf(int entry) => Offset + ((long)entry * TableEntry.Size);

    /// <summary>Cuts tables into batches, in file order so that the disk reads ahead.</summary>
    internal static IEnumerable<TableBatch> Cut(List<TableLocation> tables, QedGeometry geometry)
    {
        tables.Sort((a, b) => a.Offset.CompareTo(b.Offset));
        int tablesEach = (int)Math.Max(1, MaximumBytes / geometry.TableBytes);
        int entriesEach = (int)Math.Min(geometry.EntriesPerTable, MaximumBytes / TableEntry.Size);
        for (int i = 0; i < tables.Count;)
        {
            int count = 1;
            while (count < tablesEach && i + count < tables.Count && tables[i + count].Offset - tables[i].Offset == count * geometry.TableBytes)
                count++;
            List<TableLocation> run = tables.GetRange(i, count);
            for (int entry = 0; entry < geometry.EntriesPerTable; entry += entriesEach)
                yield return new TableBatch(run, run[0].Offset + ((long)entry * TableEntry.Size), entry, count * entriesEach);
            i += count;
        }
    }
}
