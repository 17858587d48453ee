using System;
using System.Buffers.Binary;

namespace Qed.Formats.Vhdx;

/// <summary>A sector bitmap block (MS-VHDX 2.4): one bit a sector, the lowest bit of a byte first; set where the file holds the sector.</summary>
internal static class SectorBitmap
{
    /// <summary>Bytes in a bitmap block.</summary>
    internal const int Size = 1 << 20;

    private const int BitsInWord = 64;

    /// <summary>Finds a run of sectors that are all held here, or all not.</summary>
    /// <param name="pages">The file.</param>
    /// <param name="offset">Where the bitmap block lies.</param>
    /// <param name="first">The first sector, counted from the start of the chunk.</param>
    /// <param name="end">The sector to stop before.</param>
    /// <param name="isPresent">Whether the file holds the run.</param>
    /// <returns>The number of sectors.</returns>
    internal static int RunLength(CachedTables pages, long offset, int first, int end, out bool isPresent)
    {
        int wordStart = first & -BitsInWord;
        ulong fromFirst = ulong.MaxValue << (first - wordStart);
        isPresent = (pages.UInt64LittleEndian(offset + (wordStart / 8)) >> (first - wordStart) & 1) != 0;
        // Bits that differ from the first one become ones.
        ulong flip = isPresent ? ulong.MaxValue : 0;
        while (wordStart < end)
        {
            ReadOnlySpan<byte> bytes = pages.BytesAt(offset + (wordStart / 8));
            for (; bytes.Length >= sizeof(ulong) && wordStart < end; bytes = bytes.Slice(sizeof(ulong)), wordStart += BitsInWord)
            {
                ulong differing = (BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ flip) & fromFirst;
                fromFirst = ulong.MaxValue;
                if (differing != 0)
                    return Math.Min(end, wordStart + LowestBit(differing)) - first;
            }
        }

        return end - first;
    }

    private static int LowestBit(ulong word)
    {
        int bit = 0;
        for (int half = BitsInWord / 2; half > 0; half /= 2)
        {
            if ((word & ((1UL << half) - 1)) != 0)
                continue;
            word >>= half;
            bit += half;
        }

        return bit;
    }
}
