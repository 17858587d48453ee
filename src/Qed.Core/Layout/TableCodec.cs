using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Qed.Layout;

/// <summary>Table entries between disk (little-endian) and memory, in place and without a copy on most machines.</summary>
internal static class TableCodec
{
    /// <summary>The bytes of a run of entries, to be read into or written from.</summary>
    internal static Span<byte> Bytes(Span<ulong> entries) => MemoryMarshal.AsBytes(entries);

    /// <summary>Turns an entry as it stands on disk into a number, or a number into what is to be written.</summary>
    internal static ulong Convert(ulong entry) => BitConverter.IsLittleEndian ? entry : BinaryPrimitives.ReverseEndianness(entry);

    /// <summary>Turns entries just read from disk into numbers, or numbers into what is to be written.</summary>
    internal static void Convert(Span<ulong> entries)
    {
        if (BitConverter.IsLittleEndian)
            return;
        for (int i = 0; i < entries.Length; i++)
            entries[i] = BinaryPrimitives.ReverseEndianness(entries[i]);
    }
}
