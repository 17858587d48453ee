using System;
using System.Buffers.Binary;

namespace Qed.Tests.Support;

/// <summary>Little-endian fields in the bytes of an image, by their offset.</summary>
internal static class Bytes
{
    internal static byte[] With(this byte[] bytes, int offset, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);
        return bytes;
    }

    internal static byte[] With(this byte[] bytes, int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);
        return bytes;
    }

    internal static byte[] With(this byte[] bytes, int offset, ReadOnlySpan<byte> value)
    {
        value.CopyTo(bytes.AsSpan(offset));
        return bytes;
    }

    internal static ulong UInt64At(this byte[] bytes, long offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan((int)offset));
}
