using System;
using System.Collections.Generic;

namespace Qed.Formats.Vmdk;

/// <summary>Keeps grains that were decompressed for readers who take a few bytes at a time, in bounded memory.</summary>
internal sealed class DecodedGrains(int grainBytes)
{
    private const int MostBytes = 4 << 20;

    private readonly object _lock = new();
    private readonly Dictionary<long, byte[]> _grains = [];
    private readonly Queue<long> _order = [];

    /// <summary>A grain's bytes, which nobody may change.</summary>
    /// <param name="grain">Its number.</param>
    /// <param name="decode">Fills a buffer of a whole grain; called outside the lock.</param>
    internal byte[] Get(long grain, Action<byte[]> decode)
    {
        lock (_lock)
        {
            if (_grains.TryGetValue(grain, out byte[]? known))
                return known;
        }

        // Two that miss the same grain both decompress it, which is cheaper than making one wait.
        byte[] bytes = new byte[grainBytes];
        decode(bytes);
        lock (_lock)
        {
            if (_grains.TryGetValue(grain, out byte[]? other))
                return other;
            _grains.Add(grain, bytes);
            _order.Enqueue(grain);
            while (_order.Count > Math.Max(1, MostBytes / grainBytes))
                _grains.Remove(_order.Dequeue());
            return bytes;
        }
    }
}
