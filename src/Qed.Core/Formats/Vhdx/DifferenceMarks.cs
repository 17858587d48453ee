using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>What of a differencing image in the making is its own; in the end it becomes block states and sector bitmaps.</summary>
internal sealed class DifferenceMarks
{
    private const int WritePiece = 1 << 16;

    private readonly VhdxGeometry _geometry;
    private readonly int _grain;
    private readonly Dictionary<long, SectorMarks> _blocks = [];

    internal DifferenceMarks(VhdxGeometry geometry, int grain)
    {
        _geometry = geometry;
        _grain = grain;
    }

    private int BytesInGrain => _grain / _geometry.LogicalSectorSize / 8;

    private int BytesInBlock => _geometry.SectorsInBlock / 8;

    /// <summary>Notes that the parent does not show through a range, whose end is that of a grain or of the disk.</summary>
    internal void Mark(GuestOffset offset, long length)
    {
        while (length > 0)
        {
            long block = offset.Value / _geometry.BlockSize;
            long inBlock = offset.Value % _geometry.BlockSize;
            long part = Math.Min(length, _geometry.BlockSize - inBlock);
            if (!_blocks.TryGetValue(block, out SectorMarks? marks))
                _blocks.Add(block, marks = new SectorMarks(GrainsOf(block)));
            marks.Mark((int)(inBlock / _grain), (int)((inBlock + part + _grain - 1) / _grain));
            length -= part;
            offset += part;
        }
    }

    /// <summary>Gives marked blocks their states and writes the bitmaps of those that are the parent's in part.</summary>
    /// <param name="table">The block table, where blocks with data have their place already.</param>
    /// <param name="target">The image's file.</param>
    /// <param name="end">Where the next block can lie.</param>
    /// <returns>The new end.</returns>
    internal long Finish(BlockTableBuilder table, BlockStorage target, long end)
    {
        foreach (IGrouping<long, long> chunk in _blocks.Keys.OrderBy(block => block).GroupBy(block => block / _geometry.ChunkRatio))
        {
            bool hasPartial = false;
            foreach (long block in chunk)
                hasPartial |= SetState(table, block, ref end);
            if (!hasPartial)
                continue;
            table[_geometry.EntryOfBitmap(chunk.Key)] = BatEntry.At(end, BlockState.FullyPresent);
            WriteBitmap(chunk, target, end);
            end += SectorBitmap.Size;
        }

        return end;
    }

    private int GrainsOf(long block)
        => (int)((Math.Min(_geometry.BlockSize, _geometry.Size - (block * _geometry.BlockSize)) + _grain - 1) / _grain);

    /// <returns>Whether the block needs a bitmap.</returns>
    private bool SetState(BlockTableBuilder table, long block, ref long end)
    {
        long index = _geometry.EntryOfBlock(block);
        BatEntry entry = table[index];
        if (_blocks[block].IsWhole)
        {
            if (!entry.HasData)
                table[index] = new BatEntry((ulong)BlockState.Zero);
            return false;
        }

        // Zeroes over a part of what the parent has need a place too; nothing is written there, so it is a hole.
        long offset = entry.HasData ? (long)entry.Offset : end;
        if (!entry.HasData)
            end += _geometry.BlockSize;
        table[index] = BatEntry.At(offset, BlockState.PartiallyPresent);
        return true;
    }

    private void WriteBitmap(IEnumerable<long> blocks, BlockStorage target, long offset)
    {
        byte[] bitmap = new byte[SectorBitmap.Size];
        foreach (long block in blocks)
            _blocks[block].Fill(bitmap.AsSpan((int)(block % _geometry.ChunkRatio) * BytesInBlock, BytesInBlock), BytesInGrain);
        for (int at = 0; at < bitmap.Length; at += WritePiece)
        {
            Span<byte> piece = bitmap.AsSpan(at, WritePiece);
            if (!ZeroScan.IsZero(piece))
                target.Write(offset + at, piece);
        }
    }
}
