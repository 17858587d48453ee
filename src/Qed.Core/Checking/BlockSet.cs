using System.Collections.Generic;

namespace Qed.Checking;

/// <summary>A set of block numbers that may lie far apart, a bit each.</summary>
internal sealed class BlockSet
{
    private readonly Dictionary<long, ulong> _words = [];

    internal bool Contains(long block) => _words.TryGetValue(block >> 6, out ulong word) && (word >> (int)(block & 63) & 1) != 0;

    internal void Add(long first, long count)
    {
        for (long block = first; block < first + count;)
        {
            int bit = (int)(block & 63);
            int bits = (int)System.Math.Min(64 - bit, first + count - block);
            ulong mask = (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1) << bit;
            _words.TryGetValue(block >> 6, out ulong word);
            _words[block >> 6] = word | mask;
            block += bits;
        }
    }
}
