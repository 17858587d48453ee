using System;
#if NET
using System.Buffers.Binary;
using System.Numerics;
#endif

namespace Qed.Storage;

/// <summary>CRC-32C (Castagnoli), the checksum of VHDX and of our undo journal.</summary>
internal static class Crc32C
{
#if !NET
    private static readonly uint[] Table = MakeTable();
#endif

    /// <summary>The checksum of some bytes.</summary>
    internal static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of what a checksum stands for, followed by more bytes.</summary>
    internal static uint Append(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint crc = ~checksum;
#if NET
        for (; bytes.Length >= sizeof(ulong); bytes = bytes.Slice(sizeof(ulong)))
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes)
            crc = BitOperations.Crc32C(crc, value);
#else
        foreach (byte value in bytes)
            crc = Table[(byte)(crc ^ value)] ^ (crc >> 8);
#endif
        return ~crc;
    }

#if !NET
    private static uint[] MakeTable()
    {
        const uint ReversedPolynomial = 0x82f63b78;
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? (value >> 1) ^ ReversedPolynomial : value >> 1;
            table[i] = value;
        }

        return table;
    }
#endif
}
