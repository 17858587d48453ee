using System;
using System.IO;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>What a client sends, read ahead so that one call of the system brings many requests. For one thread.</summary>
/// <param name="transport">The connection.</param>
internal sealed class RequestInput(Transport transport)
{
    /// <summary>As much as can be looked at without a buffer of one's own.</summary>
    internal const int Capacity = 256 << 10;

    // Options are short: what is more is taken once there are requests, so that connections that only knock cost little.
    private const int SmallCapacity = 8 << 10;

    private byte[] _buffer = new byte[SmallCapacity];
    private int _start;
    private int _end;

    /// <summary>Bytes that have come and not been taken.</summary>
    internal int Buffered => _end - _start;

    /// <summary>What has come and not been taken; good until the next call that waits.</summary>
    internal ReadOnlySpan<byte> Waiting => _buffer.AsSpan(_start, Buffered);

    /// <summary>How many bytes have been taken in all.</summary>
    internal long Taken { get; private set; }

    /// <summary>Waits until so many bytes have come.</summary>
    /// <param name="count">At most <see cref="Capacity"/>.</param>
    /// <returns>False where the client hung up before the first of them.</returns>
    /// <exception cref="ProtocolException">It hung up between them.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    internal bool TryFill(int count)
    {
        if (Buffered >= count)
            return true;
        MakeRoom(count);
        while (Buffered < count)
        {
            int read = transport.Read(_buffer, _end, _buffer.Length - _end);
            if (read == 0)
                return Buffered == 0 ? false : throw HungUp();
            _end += read;
        }

        return true;
    }

    /// <summary>As <see cref="TryFill"/>, if that takes no waiting.</summary>
    internal bool HasCome(int count)
    {
        if (Buffered >= count)
            return true;
        if (!transport.HasMore)
            return false;
        MakeRoom(count);
        _end += transport.Read(_buffer, _end, _buffer.Length - _end);
        return Buffered >= count;
    }

    /// <summary>As <see cref="TryFill"/>, where the client must have something to send.</summary>
    internal ReadOnlySpan<byte> Peek(int count)
        => TryFill(count) ? _buffer.AsSpan(_start, count) : throw HungUp();

    /// <summary>Takes bytes that have come.</summary>
    internal void Take(int count)
    {
        _start += count;
        Taken += count;
    }

    /// <summary>Takes bytes into a buffer, however many there are.</summary>
    internal void Read(byte[] target, int offset, int count)
    {
        int have = Math.Min(count, Buffered);
        Buffer.BlockCopy(_buffer, _start, target, offset, have);
        Take(have);
        while (have < count)
        {
            int read = transport.Read(target, offset + have, count - have);
            if (read == 0)
                throw HungUp();
            have += read;
            Taken += read;
        }
    }

    /// <summary>Lets bytes go that nobody wants.</summary>
    internal void Skip(long count)
    {
        while (count > 0)
        {
            int step = (int)Math.Min(count, SmallCapacity);
            Peek(step);
            Take(step);
            count -= step;
        }
    }

    private void MakeRoom(int count)
    {
        // What has come is moved only where the rest would not fit behind it.
        if (Buffered == 0)
            (_start, _end) = (0, 0);
        else if (_start + count <= _buffer.Length)
            return;
        int wanted = count > SmallCapacity || _buffer.Length == Capacity ? Capacity : SmallCapacity;
        byte[] target = wanted > _buffer.Length ? new byte[wanted] : _buffer;
        if (_start > 0 || target != _buffer)
        {
            Buffer.BlockCopy(_buffer, _start, target, 0, Buffered);
            (_start, _end) = (0, Buffered);
        }

        _buffer = target;
    }

    private static ProtocolException HungUp() => new("the client hung up in the middle of a message");
}
