using System;
#if NET
using System.Buffers.Binary;
using System.Numerics;
#endif

namespace Qed.Bits;

/// <summary>CRC-32C (Castagnoli): the checksum of VHDX and of our undo journal. Computed by the processor where it can.</summary>
internal static class Crc32C
{
    /// <summary>The checksum of bytes.</summary>
    internal static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of bytes that follow others.</summary>
    /// <param name="crc">The checksum of the others; zero where there are none.</param>
    /// <param name="bytes">What follows.</param>
    internal static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
#if NET
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes.Slice(sizeof(ulong));
        }

        foreach (byte b in bytes)
            crc = BitOperations.Crc32C(crc, b);
#else
        while (bytes.Length >= 8)
        {
            uint low = crc ^ (uint)(bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24));
            crc = Tables[7][low & 0xff] ^ Tables[6][(low >> 8) & 0xff] ^ Tables[5][(low >> 16) & 0xff] ^ Tables[4][low >> 24]
                ^ Tables[3][bytes[4]] ^ Tables[2][bytes[5]] ^ Tables[1][bytes[6]] ^ Tables[0][bytes[7]];
            bytes = bytes.Slice(8);
        }

        foreach (byte b in bytes)
            crc = (crc >> 8) ^ Tables[0][(crc ^ b) & 0xff];
#endif
        return ~crc;
    }

#if !NET
    private const uint ReversedPolynomial = 0x82f63b78;

    // Table k: what a byte does to the checksum when k further bytes follow it.
    private static readonly uint[][] Tables = MakeTables();

    private static uint[][] MakeTables()
    {
        var tables = new uint[8][];
        for (int k = 0; k < tables.Length; k++)
        {
            tables[k] = new uint[256];
            for (uint i = 0; i < 256; i++)
            {
                uint crc = k == 0 ? i : tables[k - 1][i];
                for (int bit = 0; bit < 8; bit++)
                    crc = (crc >> 1) ^ ((crc & 1) != 0 ? ReversedPolynomial : 0);
                tables[k][i] = crc;
            }
        }

        return tables;
    }
#endif
}
