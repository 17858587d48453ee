using System;
using System.Buffers.Binary;
using Qed.Bits;

namespace Qed.Formats.Vhdx;

/// <summary>
/// The checksum of headers, region tables and log entries: a CRC-32C over the whole structure whose own field, the second
/// four bytes, counts as zero.
/// </summary>
internal static class VhdxChecksum
{
    private const int Offset = 4;
    private const int Size = 4;

    internal static uint Stored(ReadOnlySpan<byte> structure) => BinaryPrimitives.ReadUInt32LittleEndian(structure.Slice(Offset));

    internal static uint Of(ReadOnlySpan<byte> structure)
    {
        ReadOnlySpan<byte> zero = [0, 0, 0, 0];
        uint crc = Crc32C.Append(Crc32C.Of(structure.Slice(0, Offset)), zero);
        return Crc32C.Append(crc, structure.Slice(Offset + Size));
    }

    internal static bool IsValid(ReadOnlySpan<byte> structure) => Stored(structure) == Of(structure);

    internal static void Set(Span<byte> structure)
        => BinaryPrimitives.WriteUInt32LittleEndian(structure.Slice(Offset), Of(structure));
}
