using System.Collections.Generic;

namespace Qed.Formats.Vhd;

/// <summary>
/// Where the parts of a fresh dynamic or differencing VHD lie: footer copy, header, names of the parent, table, blocks,
/// footer. Blocks start on host pages, so that they are written past the page cache and read without shifting; the
/// bitmap stands right before each.
/// </summary>
internal sealed class VhdFileLayout
{
    internal const int HeaderOffset = VhdFooter.Size;

    private const int NamesOffset = HeaderOffset + VhdDynamicHeader.Size;
    private const int PageSize = 4096;
    private const long LargestSector = uint.MaxValue - 1;

    private VhdFileLayout(IReadOnlyList<long> nameOffsets, long tableOffset, long tableEnd, BlockLayout blocks)
    {
        NameOffsets = nameOffsets;
        TableOffset = tableOffset;
        TableEnd = tableEnd;
        Blocks = blocks;
    }

    /// <summary>Where the names of the parent stand.</summary>
    internal IReadOnlyList<long> NameOffsets { get; }

    internal long TableOffset { get; }

    /// <summary>The end of the table, and of an image without blocks but for its footer.</summary>
    internal long TableEnd { get; }

    internal BlockLayout Blocks { get; }

    /// <summary>Lays out an image.</summary>
    /// <param name="size">Bytes of the guest's disk.</param>
    /// <param name="blockSize">Bytes in a block.</param>
    /// <param name="nameLengths">Bytes of each name of the parent.</param>
    internal static VhdFileLayout For(long size, int blockSize, IEnumerable<int> nameLengths)
    {
        var nameOffsets = new List<long>();
        long tableOffset = NamesOffset;
        foreach (int length in nameLengths)
        {
            nameOffsets.Add(tableOffset);
            tableOffset += RoundUp(length, VhdFooter.SectorSize);
        }

        long blocks = BlockLayout.CountFor(size, blockSize);
        long tableEnd = tableOffset + RoundUp(blocks * BlockTable.EntrySize, VhdFooter.SectorSize);
        int bitmap = VhdDynamicHeader.BitmapSizeFor(blockSize);
        long dataOffset = RoundUp(tableEnd + bitmap, PageSize);
        long stride = blockSize + RoundUp(bitmap, PageSize);
        // The largest disks of small blocks have no room for that below the last sector that the table can name.
        if (dataOffset + (blocks * stride) > LargestSector * VhdFooter.SectorSize)
            stride = blockSize + bitmap;
        return new VhdFileLayout(nameOffsets, tableOffset, tableEnd, new BlockLayout(size, blockSize, dataOffset, stride, IsFixed: false));
    }

    private static long RoundUp(long number, int unit) => BlockLayout.CountFor(number, unit) * unit;
}
