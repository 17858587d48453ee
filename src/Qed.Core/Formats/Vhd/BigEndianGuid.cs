using System;

namespace Qed.Formats.Vhd;

/// <summary>Ids whose fields stand in the file most significant byte first.</summary>
internal static class BigEndianGuid
{
    private const int Size = 16;

    internal static Guid Read(ReadOnlySpan<byte> bytes)
    {
        byte[] id = bytes.Slice(0, Size).ToArray();
        Swap(id);
        return new Guid(id);
    }

    internal static void Write(Span<byte> bytes, Guid id)
    {
        byte[] stored = id.ToByteArray();
        Swap(stored);
        stored.CopyTo(bytes);
    }

    /// <summary>Between this order and .NET's, which has the first three fields little-endian.</summary>
    private static void Swap(byte[] id)
    {
        Array.Reverse(id, 0, 4);
        Array.Reverse(id, 4, 2);
        Array.Reverse(id, 6, 2);
    }
}
