using System;

namespace Qed.Tests.Fuzzing;

/// <summary>Values at which a field's meaning ends, or its arithmetic.</summary>
internal static class Boundaries
{
    /// <summary>How many there are of each field.</summary>
    internal const int Count = 34;

    /// <param name="index">Which one.</param>
    /// <param name="value">What the field holds.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="fileLength">Bytes of its file.</param>
    /// <param name="random">Decides where a value is any.</param>
    internal static ulong Value(int index, ulong value, int size, long fileLength, Random random)
    {
        ulong most = size == 8 ? ulong.MaxValue : (1UL << (8 * size)) - 1;
        ulong sign = most / 2 + 1;
        ulong length = (ulong)fileLength;
        return most & index switch
        {
            0 => 0,
            1 => 1,
            2 => 2,
            3 => 3,
            4 => value - 1,
            5 => value + 1,
            6 => value * 2,
            7 => value / 2,
            8 => value ^ (1UL << random.Next(8 * size)),
            9 => value ^ (1UL << random.Next(8 * size)),
            10 => most,
            11 => most - 1,
            12 => sign,
            13 => sign - 1,
            14 => 0xffff_ffff,
            15 => 0x8000_0000,
            16 => 0x7fff_ffff,
            17 => length,
            18 => length - 1,
            19 => length + 1,
            20 => length / 512,
            21 => length & ~4095UL,
            22 => length & ~65535UL,
            23 => 512,
            24 => 4096,
            25 => 65536,
            26 => 1 << 20,
            27 => 1UL << 40,
            28 => 1UL << 52,
            29 => 1UL << 62,
            30 => most & ~511UL,
            31 => most & ~65535UL,
            32 => (ulong)random.NextInt64(),
            _ => (ulong)random.NextInt64(Math.Max(1, fileLength)) & ~511UL,
        };
    }
}
