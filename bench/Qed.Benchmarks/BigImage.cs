using System;
using System.IO;
using System.Numerics;
using System.Runtime.InteropServices;
using Qed.Layout;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>A sparse QED image whose every cluster is allocated, in random order: the worst a check can meet.</summary>
internal static class BigImage
{
    internal static void Make(string path, long size, int seed)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = size, Force = true });
        QedGeometry geometry = QedGeometry.TryCreate(QedGeometry.DefaultClusterSize, QedGeometry.DefaultTableSize)!;
        int tables = geometry.L1EntriesFor(size);
        long firstTable = geometry.ClusterSize + geometry.TableBytes;
        long firstData = firstTable + (tables * geometry.TableBytes);
        long clusters = size / geometry.ClusterSize;
        using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
        var l1 = new ulong[tables];
        for (int i = 0; i < tables; i++)
            l1[i] = (ulong)(firstTable + (i * geometry.TableBytes));
        file.Position = geometry.ClusterSize;
        file.Write(MemoryMarshal.AsBytes(l1.AsSpan()));
        file.Position = firstTable;
        var table = new ulong[geometry.EntriesPerTable];
        var order = new Permutation(clusters, seed);
        for (long cluster = 0; cluster < clusters; cluster++)
        {
            int entry = (int)(cluster % table.Length);
            table[entry] = (ulong)(firstData + (order.Next() * geometry.ClusterSize));
            if (entry == table.Length - 1 || cluster == clusters - 1)
            {
                file.Write(MemoryMarshal.AsBytes(table.AsSpan()));
                Array.Clear(table);
            }
        }

        file.SetLength(firstData + size);
    }

    /// <summary>Every number below a bound once, in an order that looks random, without holding them in memory.</summary>
    private sealed class Permutation(long count, int seed)
    {
        // A full-period linear congruential generator over a power of two: multiplier 1 mod 4, odd increment.
        private readonly ulong _mask = BitOperations.RoundUpToPowerOf2((ulong)count) - 1;
        private ulong _state = (ulong)seed;

        internal long Next()
        {
            do
                _state = ((_state * 6364136223846793005UL) + 1442695040888963407UL) & _mask;
            while (_state >= (ulong)count);
            return (long)_state;
        }
    }
}
