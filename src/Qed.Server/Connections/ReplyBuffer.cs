using System;
using System.Buffers;
using System.Buffers.Binary;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>
/// Replies one behind the other, to be sent in one call of the system. What an image is read into lies behind the reply's
/// head already, so that it is copied by nobody. For one thread.
/// </summary>
/// <param name="sender">Where they go.</param>
/// <param name="capacity">Bytes that are held back at most.</param>
internal sealed class ReplyBuffer(ReplySender sender, int capacity) : IDisposable
{
    private const int SimpleSize = 16;
    private const int ChunkHeadSize = 20;
    private const int OffsetSize = 8;
    private const int HoleSize = OffsetSize + sizeof(uint);
    private const ushort Done = 1;

    // More in one call gains nothing, and the client waits for the first.
    private const int SendAt = 64 << 10;
    private const int MostReplies = 32;

    private byte[] _buffer = [];
    private int _length;
    private int _replies;

    /// <summary>Whether nobody receives replies any more.</summary>
    internal bool IsLost => sender.IsBroken;

    /// <summary>The most data that a reply in a buffer of this capacity can carry.</summary>
    internal int MaximumData => capacity - ChunkHeadSize - OffsetSize;

    /// <summary>Bytes that a buffer needs for the data of one reply.</summary>
    internal static int CapacityFor(int data) => data + ChunkHeadSize + OffsetSize;

    /// <summary>Says that a request is done, or that it failed.</summary>
    internal void AddSimple(ulong cookie, NbdError error) => AddSimple(cookie, error, data: 0);

    /// <summary>Says, in a structured reply, that a request failed and why.</summary>
    internal void AddError(ulong cookie, NbdError error, string message)
    {
        byte[] text = WireText.Cut(message);
        Span<byte> payload = ReserveChunk(ReplyKind.Error, cookie, sizeof(uint) + sizeof(ushort) + text.Length);
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)error);
        BinaryPrimitives.WriteUInt16BigEndian(payload.Slice(4), (ushort)text.Length);
        text.CopyTo(payload.Slice(6));
        CommitChunk(payload.Length);
    }

    /// <summary>Says that a range is a hole, which reads as zeroes.</summary>
    internal void AddHole(ulong cookie, ulong offset, uint length)
    {
        Span<byte> payload = ReserveChunk(ReplyKind.OffsetHole, cookie, HoleSize);
        BinaryPrimitives.WriteUInt64BigEndian(payload, offset);
        BinaryPrimitives.WriteUInt32BigEndian(payload.Slice(OffsetSize), length);
        CommitChunk(HoleSize);
    }

    /// <summary>Tells what a metadata context says of a range.</summary>
    /// <param name="cookie">The request.</param>
    /// <param name="context">The context's number.</param>
    /// <param name="descriptors">Lengths and flags, as they are sent.</param>
    /// <param name="isLast">Whether no further context follows.</param>
    internal void AddBlockStatus(ulong cookie, uint context, ReadOnlySpan<byte> descriptors, bool isLast)
    {
        Span<byte> payload = ReserveChunk(ReplyKind.BlockStatus, cookie, sizeof(uint) + descriptors.Length, isLast);
        BinaryPrimitives.WriteUInt32BigEndian(payload, context);
        descriptors.CopyTo(payload.Slice(sizeof(uint)));
        CommitChunk(payload.Length);
    }

    /// <summary>Makes room for a reply with data and returns where the data goes. Nothing is added before <see cref="AddData"/>.</summary>
    /// <param name="length">At most <see cref="MaximumData"/>.</param>
    /// <param name="isStructured">Whether the reply says where the data belongs.</param>
    internal Span<byte> ReserveData(int length, bool isStructured)
    {
        int head = isStructured ? ChunkHeadSize + OffsetSize : SimpleSize;
        return Reserve(head + length).Slice(head, length);
    }

    /// <summary>Adds the reply whose data has been filled in since <see cref="ReserveData"/>.</summary>
    internal void AddData(ulong cookie, ulong offset, int length, bool isStructured)
    {
        if (isStructured)
        {
            Span<byte> payload = ReserveChunk(ReplyKind.OffsetData, cookie, OffsetSize + length);
            BinaryPrimitives.WriteUInt64BigEndian(payload, offset);
            CommitChunk(OffsetSize + length);
        }
        else
        {
            AddSimple(cookie, NbdError.None, length);
        }
    }

    /// <summary>Sends what is there.</summary>
    internal void Send()
    {
        if (_length == 0)
            return;
        sender.Send(_buffer, 0, _length);
        (_length, _replies) = (0, 0);
    }

    /// <summary>Sends what is there where it is as much as one call of the system should send.</summary>
    internal void SendIfMuch()
    {
        if (_length >= SendAt || _replies >= MostReplies)
            Send();
    }

    // Data that belongs to it lies behind it already.
    private void AddSimple(ulong cookie, NbdError error, int data)
    {
        Span<byte> head = Reserve(SimpleSize + data);
        BinaryPrimitives.WriteUInt32BigEndian(head, NbdMagic.SimpleReply);
        BinaryPrimitives.WriteUInt32BigEndian(head.Slice(4), (uint)error);
        BinaryPrimitives.WriteUInt64BigEndian(head.Slice(8), cookie);
        _length += SimpleSize + data;
        _replies++;
    }

    /// <summary>Lets what was not sent go.</summary>
    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length) = ([], 0);
    }

    private Span<byte> ReserveChunk(ReplyKind kind, ulong cookie, int payload, bool isLast = true)
    {
        Span<byte> chunk = Reserve(ChunkHeadSize + payload);
        BinaryPrimitives.WriteUInt32BigEndian(chunk, NbdMagic.StructuredReply);
        BinaryPrimitives.WriteUInt16BigEndian(chunk.Slice(4), isLast ? Done : (ushort)0);
        BinaryPrimitives.WriteUInt16BigEndian(chunk.Slice(6), (ushort)kind);
        BinaryPrimitives.WriteUInt64BigEndian(chunk.Slice(8), cookie);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.Slice(16), (uint)payload);
        return chunk.Slice(ChunkHeadSize, payload);
    }

    private void CommitChunk(int payload)
    {
        _length += ChunkHeadSize + payload;
        _replies++;
    }

    /// <summary>Room behind what is there, which is sent first where there is too little.</summary>
    private Span<byte> Reserve(int count)
    {
        if (count > capacity)
            throw new ArgumentOutOfRangeException(nameof(count));
        if (_buffer.Length == 0)
            _buffer = ArrayPool<byte>.Shared.Rent(capacity);
        if (_length > capacity - count)
            Send();
        return _buffer.AsSpan(_length, count);
    }
}
