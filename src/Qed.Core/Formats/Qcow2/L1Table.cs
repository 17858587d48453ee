using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>Where an L1 table lies: that of the disk, or one of a snapshot.</summary>
/// <param name="Offset">Byte offset in the file.</param>
/// <param name="Entries">Number of entries.</param>
internal readonly record struct L1Table(long Offset, int Entries)
{
    /// <summary>Checks what a file says about an L1 table.</summary>
    /// <param name="offset">Its offset as stored.</param>
    /// <param name="entries">Its length as stored.</param>
    /// <param name="size">Bytes of the disk that it maps.</param>
    /// <param name="geometry">Of the image.</param>
    /// <param name="storage">The image's file.</param>
    /// <param name="structure">Where the offset stands, in words.</param>
    /// <param name="position">Where it stands in the file.</param>
    /// <param name="allowMissing">Whether the file may end before the table does.</param>
    /// <exception cref="DiskImageException">ImageCorrupt.</exception>
    internal static L1Table Checked(
        ulong offset, uint entries, long size, Qcow2Geometry geometry, BlockStorage storage, string structure, long position, bool allowMissing = false)
    {
        DiskImageException Corrupt(string rule, ulong value)
            => new(ErrorKind.ImageCorrupt, rule, storage.Path) { Structure = structure, Offset = position, Value = value };

        if (entries > Qcow2Geometry.MaximumL1Entries)
            throw Corrupt("the L1 table is larger than 32 MiB", entries);
        if (entries < geometry.L1EntriesFor(size))
            throw Corrupt($"the L1 table has too few entries for a disk of {size} bytes", entries);
        if (!geometry.IsAligned(offset))
            throw Corrupt("the L1 table is not aligned to a cluster", offset);
        ulong length = allowMissing ? long.MaxValue : (ulong)storage.Length;
        if (entries != 0 && (offset == 0 || offset > length || (ulong)entries * Qcow2Geometry.EntryBytes > length - offset))
            throw Corrupt(offset == 0 ? "the L1 table lies inside the header" : "the L1 table lies beyond the end of the file", offset);
        return new L1Table((long)offset, (int)entries);
    }
}
