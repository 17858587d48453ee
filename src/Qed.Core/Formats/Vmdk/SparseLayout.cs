namespace Qed.Formats.Vmdk;

/// <summary>Where everything of a new sparse extent lies, in sectors: header, descriptor, and both directories with their tables.</summary>
internal sealed class SparseLayout
{
    internal const long DescriptorSector = 1;

    private const int SectorsPerTable = SparseHeader.DefaultEntriesPerTable * SparseHeader.EntrySize / SparseHeader.SectorSize;

    internal SparseLayout(SparseHeader shape)
    {
        Tables = shape.Tables;
        long directorySectors = SectorsFor(Tables * SparseHeader.EntrySize);
        RedundantDirectory = DescriptorSector + DescriptorWriter.EmbeddedSectors;
        RedundantTables = RedundantDirectory + directorySectors;
        Directory = RedundantTables + (Tables * SectorsPerTable);
        FirstTable = Directory + directorySectors;
        long end = FirstTable + (Tables * SectorsPerTable);
        // Aligned grains can be written past the page cache.
        Overhead = (end + shape.GrainSectors - 1) & -shape.GrainSectors;
    }

    internal long Tables { get; }

    internal long RedundantDirectory { get; }

    internal long RedundantTables { get; }

    internal long Directory { get; }

    internal long FirstTable { get; }

    /// <summary>Where grains start.</summary>
    internal long Overhead { get; }

    /// <summary>The sectors that a number of bytes takes.</summary>
    internal static long SectorsFor(long bytes) => (bytes + SparseHeader.SectorSize - 1) / SparseHeader.SectorSize;

    /// <summary>Where a table lies whose set starts at a sector.</summary>
    internal static long TableSector(long firstTable, long table) => firstTable + (table * SectorsPerTable);
}
