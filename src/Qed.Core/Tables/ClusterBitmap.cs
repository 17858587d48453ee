using System;
using Qed.Units;

namespace Qed.Tables;

/// <summary>One bit for each cluster of the host file.</summary>
internal sealed class ClusterBitmap
{
    private readonly ulong[] _words;

    internal ClusterBitmap(long clusters)
    {
        Count = clusters;
        _words = new ulong[(clusters + 63) / 64];
    }

    /// <summary>Clusters that the bitmap has bits for.</summary>
    internal long Count { get; }

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
        for (long start = Next(0, value: true); start < end;)
        {
            long stop = Math.Min(end, Next(start, value: false));
            count += stop - start;
            start = Next(stop, value: true);
        }

        return count;
    }

    /// <summary>The lowest run of clear bits of a length that ends below a position; null where there is none.</summary>
    internal ClusterIndex? FindClearRun(long length, long end)
    {
        for (long start = Next(0, value: false); start + length <= end;)
        {
            long stop = Next(start, value: true);
            if (stop - start >= length)
                return new ClusterIndex(start);
            start = Next(stop, value: false);
        }

        return null;
    }

    /// <summary>The first cluster at or behind a position whose bit has a value; <see cref="Count"/> where there is none.</summary>
    internal long Next(long from, bool value)
    {
        ulong flip = value ? 0 : ulong.MaxValue;
        while (from < Count)
        {
            ulong word = (_words[from >> 6] ^ flip) >> (int)(from & 63);
            if (word != 0)
            {
                while ((word & 1) == 0)
                {
                    word >>= 1;
                    from++;
                }

                return Math.Min(from, Count);
            }

            from = (from | 63) + 1;
        }

        return Count;
    }
}
