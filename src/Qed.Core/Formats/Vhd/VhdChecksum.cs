using System;
using System.Buffers.Binary;

namespace Qed.Formats.Vhd;

/// <summary>The checksum of footers and headers: the one's complement of the sum of all bytes but its own four.</summary>
internal static class VhdChecksum
{
    internal static uint Of(ReadOnlySpan<byte> bytes, int checksumOffset)
    {
        uint sum = 0;
        foreach (byte part in bytes)
            sum += part;
        foreach (byte part in bytes.Slice(checksumOffset, sizeof(uint)))
            sum -= part;
        return ~sum;
    }

    internal static uint Stored(ReadOnlySpan<byte> bytes, int checksumOffset)
        => BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(checksumOffset));

    internal static void Put(Span<byte> bytes, int checksumOffset)
        => BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(checksumOffset), Of(bytes, checksumOffset));
}
