using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>
/// The flat table of 32-bit entries by which formats with large blocks find them (VHD, VDI), read as it is needed. The
/// caller has checked that it lies within the file.
/// </summary>
/// <param name="storage">The image's file.</param>
/// <param name="offset">Where the table starts, a multiple of 4.</param>
/// <param name="isBigEndian">The byte order of its entries.</param>
/// <param name="budget">Bytes of memory that it may take: see <see cref="PageBudget"/>.</param>
internal sealed class BlockTable(BlockStorage storage, long offset, bool isBigEndian, long budget)
{
    /// <summary>Bytes in an entry.</summary>
    internal const int EntrySize = sizeof(uint);

    private readonly CachedTables _cache = new(storage, budget);

    /// <summary>The entry of a block.</summary>
    internal uint this[long block]
    {
        get
        {
            long at = offset + (block * EntrySize);
            return isBigEndian ? _cache.UInt32BigEndian(at) : _cache.UInt32LittleEndian(at);
        }
    }

    /// <summary>How many entries, from a block's on and as far as a budget reaches, each differ from the one before by a step.</summary>
    /// <param name="block">The first block.</param>
    /// <param name="maximum">How many entries are of interest, at least 1, all within the table.</param>
    /// <param name="step">0 for equal entries, 1 for ascending ones.</param>
    /// <param name="budget">Spent on the pages behind the first.</param>
    /// <returns>At least 1.</returns>
    internal long Run(long block, long maximum, uint step, ref LookupBudget budget)
    {
        uint expected = this[block];
        long count = 0;
        while (count == 0 || (count < maximum && budget.TrySpend()))
        {
            ReadOnlySpan<uint> entries = MemoryMarshal.Cast<byte, uint>(_cache.BytesAt(offset + ((block + count) * EntrySize)));
            int inPage = (int)Math.Min(entries.Length, maximum - count);
            for (int i = 0; i < inPage; i++)
            {
                if (Number(entries[i]) != expected)
                    return count + i;
                expected += step;
            }

            count += inPage;
        }

        return count;
    }

    private uint Number(uint stored)
        => isBigEndian == BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(stored) : stored;
}
