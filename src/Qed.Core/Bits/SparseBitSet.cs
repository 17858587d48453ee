using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Bits;

/// <summary>
/// A set of numbers, a bit each, in pages that exist only where there are any: of a sparse disk it takes next to nothing,
/// of a full one an eighth of a byte a number. Not thread-safe.
/// </summary>
/// <param name="wordsInPage">Words of 64 bits in a page: many where numbers lie side by side, one where they lie far apart.</param>
internal sealed class SparseBitSet(int wordsInPage)
{
    private const int BitsInWord = 64;

    private readonly Dictionary<long, ulong[]> _pages = [];

    /// <summary>Numbers in a page.</summary>
    internal int PageSize { get; } = wordsInPage * BitsInWord;

    internal bool Contains(long number) => (WordOf(number) >> (int)(number % BitsInWord) & 1) != 0;

    /// <summary>The 64 bits among which a number's is, the lowest for the multiple of 64 below it.</summary>
    internal ulong WordOf(long number)
        => _pages.TryGetValue(number / PageSize, out ulong[]? page) ? page[number % PageSize / BitsInWord] : 0;

    /// <summary>Adds the numbers of a range.</summary>
    /// <param name="first">The first.</param>
    /// <param name="end">Behind the last.</param>
    internal void Add(long first, long end)
    {
        while (first < end)
        {
            if (!_pages.TryGetValue(first / PageSize, out ulong[]? page))
                _pages.Add(first / PageSize, page = new ulong[wordsInPage]);
            int bit = (int)(first % BitsInWord);
            int count = (int)Math.Min(BitsInWord - bit, end - first);
            page[first % PageSize / BitsInWord] |= ulong.MaxValue >> (BitsInWord - count) << bit;
            first += count;
        }
    }

    /// <summary>How many numbers of a range that lies within one page there are.</summary>
    internal int Count(long first, int length)
        => _pages.TryGetValue(first / PageSize, out ulong[]? page) ? Count(page, (int)(first % PageSize), length) : 0;

    /// <summary>The first numbers of those groups of which there is any, in order.</summary>
    /// <param name="size">Numbers in a group, a power of two up to the size of a page.</param>
    internal IEnumerable<long> Groups(int size)
    {
        foreach (KeyValuePair<long, ulong[]> page in _pages.OrderBy(page => page.Key))
        {
            for (int bit = 0; bit < PageSize; bit += size)
            {
                if (Count(page.Value, bit, size) > 0)
                    yield return (page.Key * PageSize) + bit;
                else if (size < BitsInWord && page.Value[bit / BitsInWord] == 0)
                    bit = (bit | (BitsInWord - 1)) + 1 - size;
            }
        }
    }

    private static int Count(ulong[] page, int first, int length)
    {
        int count = 0;
        for (int end = first + length; first < end;)
        {
            int bit = first % BitsInWord;
            int inWord = Math.Min(BitsInWord - bit, end - first);
            count += CountBits(page[first / BitsInWord] >> bit << (BitsInWord - inWord));
            first += inWord;
        }

        return count;
    }

    private static int CountBits(ulong word)
    {
#if NET
        return System.Numerics.BitOperations.PopCount(word);
#else
        word -= word >> 1 & 0x5555555555555555;
        word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
        return (int)(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
#endif
    }
}
