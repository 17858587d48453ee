using System;
using System.Collections.Generic;
using Qed.Bits;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Vhdx;

/// <summary>What of a differencing image in the making is its own; in the end it becomes block states and sector bitmaps.</summary>
internal sealed class DifferenceMarks
{
    private const int PieceOfBitmap = 1 << 16;
    private const int BitsInWord = 64;

    private readonly VhdxGeometry _geometry;
    private readonly int _grain;
    private readonly SparseBitSet _grains = new(wordsInPage: 512);

    internal DifferenceMarks(VhdxGeometry geometry, int grain)
    {
        _geometry = geometry;
        _grain = grain;
    }

    private int GrainsInBlock => _geometry.BlockSize / _grain;

    private long GrainsInChunk => (long)_geometry.ChunkRatio * GrainsInBlock;

    /// <summary>Notes that the parent does not show through a range, whose end is that of a grain or of the disk.</summary>
    internal void Mark(GuestOffset offset, long length)
        => _grains.Add(offset.Value / _grain, (offset.Value + length + _grain - 1) / _grain);

    /// <summary>Writes the states of marked blocks, and the bitmaps of those that are the parent's in part.</summary>
    /// <param name="hostOffsetOf">Where the data of a block lies; negative where it has no place.</param>
    /// <param name="table">Receives an entry for each marked block.</param>
    /// <param name="target">The image's file.</param>
    /// <param name="end">Where the next block can lie.</param>
    /// <returns>The new end.</returns>
    internal long Finish(Func<long, long> hostOffsetOf, BlockTableWriter table, BlockStorage target, long end)
    {
        byte[] piece = new byte[PieceOfBitmap];
        using IEnumerator<long> groups = _grains.Groups(GrainsInBlock).GetEnumerator();
        for (bool isThere = groups.MoveNext(); isThere;)
        {
            long chunk = groups.Current / GrainsInChunk;
            bool hasPartial = false;
            for (; isThere && groups.Current / GrainsInChunk == chunk; isThere = groups.MoveNext())
            {
                long block = groups.Current / GrainsInBlock;
                BatEntry entry = EntryFor(block, hostOffsetOf(block), ref end);
                hasPartial |= entry.State == BlockState.PartiallyPresent;
                table.Put(_geometry.EntryOfBlock(block), entry);
            }

            if (!hasPartial)
                continue;
            table.Put(_geometry.EntryOfBitmap(chunk), BatEntry.At(end, BlockState.FullyPresent));
            WriteBitmap(chunk, piece, target, end);
            end += SectorBitmap.Size;
        }

        return end;
    }

    private int GrainsOf(long block)
        => (int)((Math.Min(_geometry.BlockSize, _geometry.Size - (block * _geometry.BlockSize)) + _grain - 1) / _grain);

    private BatEntry EntryFor(long block, long hostOffset, ref long end)
    {
        bool isWhole = _grains.Count(block * GrainsInBlock, GrainsInBlock) == GrainsOf(block);
        if (isWhole)
            return hostOffset < 0 ? new BatEntry((ulong)BlockState.Zero) : BatEntry.At(hostOffset, BlockState.FullyPresent);
        if (hostOffset < 0)
        {
            // Zeroes over a part of what the parent has need a place too; nothing is written there, so it is a hole.
            hostOffset = end;
            end += _geometry.BlockSize;
        }

        return BatEntry.At(hostOffset, BlockState.PartiallyPresent);
    }

    private void WriteBitmap(long chunk, byte[] piece, BlockStorage target, long offset)
    {
        int bytesInGrain = _grain / _geometry.LogicalSectorSize / 8;
        int grainsInPiece = piece.Length / bytesInGrain;
        long first = chunk * GrainsInChunk;
        for (int at = 0; at < SectorBitmap.Size; at += piece.Length, first += grainsInPiece)
        {
            if (_grains.Count(first, grainsInPiece) == 0)
                continue;
            Array.Clear(piece, 0, piece.Length);
            for (int grain = 0; grain < grainsInPiece; grain += BitsInWord)
                Fill(piece.AsSpan(grain * bytesInGrain), _grains.WordOf(first + grain), bytesInGrain);
            target.Write(offset + at, piece);
        }
    }

    private static void Fill(Span<byte> bitmap, ulong grains, int bytesInGrain)
    {
        for (; grains != 0; grains >>= 1, bitmap = bitmap.Slice(bytesInGrain))
        {
            if ((grains & 1) != 0)
                bitmap.Slice(0, bytesInGrain).Fill(0xff);
        }
    }
}
