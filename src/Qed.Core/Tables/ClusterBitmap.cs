using System;
using System.Collections.Generic;
#if NET
using System.Numerics;
#endif
using Qed.Units;

namespace Qed.Tables;

/// <summary>One bit for each cluster of the host file.</summary>
internal sealed class ClusterBitmap
{
    private ulong[] _words;

    internal ClusterBitmap(long clusters)
    {
        Count = clusters;
        _words = new ulong[(clusters + 63) / 64];
    }

    /// <summary>Clusters that the bitmap has bits for.</summary>
    internal long Count { get; private set; }

    /// <summary>The bits, 64 a word, for loops that cannot afford a call.</summary>
    internal ulong[] Words => _words;

    internal bool this[ClusterIndex cluster] => (_words[cluster.Value >> 6] >> (int)(cluster.Value & 63) & 1) != 0;

    /// <summary>Sets a bit.</summary>
    /// <returns>Whether it was set already.</returns>
    internal bool TestAndSet(ClusterIndex cluster)
    {
        ref ulong word = ref _words[cluster.Value >> 6];
        ulong bit = 1UL << (int)(cluster.Value & 63);
        bool wasSet = (word & bit) != 0;
        word |= bit;
        return wasSet;
    }

    /// <summary>Sets every bit that is set in another bitmap, which may be longer.</summary>
    internal void UnionWith(ClusterBitmap other)
    {
        for (int i = 0; i < _words.Length && i < other._words.Length; i++)
            _words[i] |= other._words[i];
    }

    /// <summary>Makes room for more clusters, whose bits are clear.</summary>
    internal void GrowTo(long clusters)
    {
        if (clusters <= Count)
            return;
        Array.Resize(ref _words, (int)((clusters + 63) / 64));
        Count = clusters;
    }

    /// <summary>Sets bits.</summary>
    internal void Set(ClusterIndex first, long count)
    {
        for (long cluster = first.Value; cluster < first.Value + count; cluster++)
            _words[cluster >> 6] |= 1UL << (int)(cluster & 63);
    }

    /// <summary>Clears bits.</summary>
    internal void Clear(ClusterIndex first, long count)
    {
        for (long cluster = first.Value; cluster < first.Value + count; cluster++)
            _words[cluster >> 6] &= ~(1UL << (int)(cluster & 63));
    }

    /// <summary>How many bits are set below a position.</summary>
    internal long CountBelow(long end)
    {
        long count = 0;
        for (long word = 0; word < end >> 6; word++)
            count += Ones(_words[word]);
        return (end & 63) == 0 ? count : count + Ones(_words[end >> 6] & ((1UL << (int)(end & 63)) - 1));
    }

    /// <summary>Runs of clear bits of a length below a position, the lowest first; none lies in another. No bit may change meanwhile.</summary>
    internal IEnumerable<ClusterIndex> ClearRuns(long length, long end)
    {
        for (long start = Next(0, value: false); start + length <= end; start = Next(start, value: false))
        {
            long stop = Next(start, value: true);
            if (stop - start < length)
            {
                start = stop;
                continue;
            }

            yield return new ClusterIndex(start);
            start += length;
        }
    }

    /// <summary>The first cluster at or behind a position whose bit has a value; <see cref="Count"/> where there is none.</summary>
    internal long Next(long from, bool value)
    {
        ulong flip = value ? 0 : ulong.MaxValue;
        while (from < Count)
        {
            ulong word = (_words[from >> 6] ^ flip) >> (int)(from & 63);
            if (word != 0)
                return Math.Min(from + TrailingZeroes(word), Count);
            from = (from | 63) + 1;
        }

        return Count;
    }

    /// <summary>The last cluster at or before a position whose bit has a value; -1 where there is none.</summary>
    internal long Previous(long from, bool value)
    {
        ulong flip = value ? 0 : ulong.MaxValue;
        while (from >= 0)
        {
            ulong word = (_words[from >> 6] ^ flip) << (int)(63 - (from & 63));
            if (word != 0)
                return from - LeadingZeroes(word);
            from = (from & ~63L) - 1;
        }

        return -1;
    }

#if NET
    private static int Ones(ulong word) => BitOperations.PopCount(word);

    private static int TrailingZeroes(ulong word) => BitOperations.TrailingZeroCount(word);

    private static int LeadingZeroes(ulong word) => BitOperations.LeadingZeroCount(word);
#else
    private static int Ones(ulong word)
    {
        int count = 0;
        for (; word != 0; word &= word - 1)
            count++;
        return count;
    }

    private static int TrailingZeroes(ulong word)
    {
        int count = 0;
        for (; (word & 1) == 0; word >>= 1)
            count++;
        return count;
    }

    private static int LeadingZeroes(ulong word)
    {
        int count = 0;
        for (; word <= ulong.MaxValue >> 1; word <<= 1)
            count++;
        return count;
    }
#endif
}
