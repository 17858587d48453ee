using System;
using System.Buffers.Binary;
using Qed.Bits;

namespace Qed.Checking;

/// <summary>What a record of an undo journal says.</summary>
internal enum UndoRecordKind : uint
{
    /// <summary>The bytes that follow stood at an offset.</summary>
    Bytes = 1,

    /// <summary>A range was all zeroes.</summary>
    Zeroes = 2,

    /// <summary>The bytes that follow say nothing: a crash had left a record half written there.</summary>
    Void = 3,
}

/// <summary>The 32 bytes in front of what a record of an undo journal saves; all numbers little-endian. See docs/undo-file.md.</summary>
/// <param name="Kind">At 0, 32 bits.</param>
/// <param name="Offset">At 8, 64 bits: where in the image.</param>
/// <param name="Length">At 16, 64 bits: how many bytes.</param>
/// <param name="Checksum">At 24, 32 bits: CRC-32C of the bytes.</param>
internal readonly record struct UndoRecord(UndoRecordKind Kind, long Offset, long Length, uint Checksum)
{
    /// <summary>Bytes on disk; the last four are the CRC-32C of those before.</summary>
    internal const int Size = 32;

    /// <summary>Most bytes that one record saves.</summary>
    internal const int LargestPayload = 1 << 20;

    /// <summary>Whether it saves a range of the image.</summary>
    internal bool IsRange => Kind is UndoRecordKind.Bytes or UndoRecordKind.Zeroes;

    /// <summary>Bytes that follow the record.</summary>
    internal int PayloadLength => Kind is UndoRecordKind.Bytes or UndoRecordKind.Void ? (int)Length : 0;

    internal void Write(Span<byte> target)
    {
        target.Slice(0, Size).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)Kind);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(8), Offset);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(16), Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(24), Checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(28), Crc32C.Of(target.Slice(0, 28)));
    }

    /// <returns>Null where the bytes are no whole record, as at the end of a journal that a crash cut short.</returns>
    internal static UndoRecord? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(28)) != Crc32C.Of(bytes.Slice(0, 28)))
            return null;
        var record = new UndoRecord(
            (UndoRecordKind)BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(8)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(16)),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(24)));
        return record.IsPossible ? record : null;
    }

    private bool IsPossible => Offset >= 0 && Kind switch
    {
        UndoRecordKind.Bytes or UndoRecordKind.Void => Length is >= 0 and <= LargestPayload && Offset <= long.MaxValue - Length,
        UndoRecordKind.Zeroes => Length >= 0 && Offset <= long.MaxValue - Length,
        _ => false,
    };
}
