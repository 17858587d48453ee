using System;
using Qed.Storage;

namespace Qed.Tests.Support;

/// <summary>
/// Storage in memory, of a file or of a block device: one keeps its length, and what it was told that nobody needs is anything
/// from then on.
/// </summary>
internal sealed class MemoryStorage : BlockStorage, IResizable, IPunchable, IDiscardable
{
    // The same each time, so that a test that fails fails again.
    private readonly Random _garbage = new(99);
    private readonly object _lock = new();
    private byte[] _bytes;
    private long _length;

    internal MemoryStorage(byte[]? contents = null, bool canWrite = true)
        : this(contents is null ? [] : (byte[])contents.Clone(), contents?.Length ?? 0, canWrite)
    {
    }

    private MemoryStorage(byte[] bytes, long length, bool canWrite)
    {
        _bytes = bytes;
        _length = length;
        CanWrite = canWrite;
    }

    /// <summary>A storage of bytes that nobody else needs, which are not copied.</summary>
    internal static MemoryStorage Over(byte[] bytes, bool isDevice = false) => new(bytes, bytes.Length, canWrite: true) { IsDevice = isDevice };

    public override string Path => "/memory/image.qed";

    public override bool CanWrite { get; }

    public override long Length
    {
        get
        {
            lock (_lock)
                return _length;
        }
    }

    /// <summary>Whether it stands for a block device.</summary>
    internal bool IsDevice { get; init; }

    internal override bool HasFixedLength => IsDevice;

    internal int Flushes { get; private set; }

    /// <summary>How many bytes were read and written so far.</summary>
    internal long BytesMoved { get; private set; }

    /// <summary>The most bytes that may be: who reads and writes in a loop without end fails, instead of never ending.</summary>
    internal long MostBytesMoved { get; init; } = long.MaxValue;

    /// <summary>Called with the offset of each write before it waits for its turn, by several threads at a time; may throw.</summary>
    internal Action<long>? OnWrite { get; set; }

    /// <summary>Called before each change, with what is about to happen, one change at a time; may throw.</summary>
    internal Action<StorageChange>? BeforeChange { get; set; }

    /// <summary>Makes a block device longer, by what is anything.</summary>
    internal void Enlarge(int bytes)
    {
        byte[] anything = new byte[bytes];
        lock (_lock)
        {
            _garbage.NextBytes(anything);
            _bytes = [.. _bytes.AsSpan(0, (int)_length), .. anything];
            _length = _bytes.Length;
        }
    }

    internal byte[] ToArray()
    {
        lock (_lock)
            return _bytes.AsSpan(0, (int)_length).ToArray();
    }

    public override int Read(long offset, Span<byte> buffer)
    {
        lock (_lock)
        {
            int count = (int)Math.Clamp(_length - offset, 0, buffer.Length);
            Move(count);
            if (count > 0)
                _bytes.AsSpan((int)offset, count).CopyTo(buffer);
            return count;
        }
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (!CanWrite)
            throw new InvalidOperationException("The storage was opened for reading.");
        OnWrite?.Invoke(offset);
        lock (_lock)
        {
            if (IsDevice)
                this.RequireRoom(offset + buffer.Length);
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.Write, offset, buffer.Length, buffer.ToArray()));
            if (buffer.IsEmpty)
                return;
            Move(buffer.Length);
            Grow(offset + buffer.Length);
            buffer.CopyTo(_bytes.AsSpan((int)offset));
        }
    }

    public void SetLength(long length)
    {
        if (!CanWrite)
            throw new InvalidOperationException("The storage was opened for reading.");
        if (IsDevice)
        {
            this.RequireRoom(length);
            return;
        }

        lock (_lock)
        {
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.SetLength, length, 0, []));
            if (length < _length)
                Array.Clear(_bytes, (int)length, (int)(_length - length));
            Grow(length);
            _length = length;
        }
    }

    /// <summary>As a file of Linux does: what lies behind the end stays behind it.</summary>
    public bool TryPunch(long offset, long length)
    {
        if (!CanWrite)
            throw new InvalidOperationException("The storage was opened for reading.");
        if (IsDevice)
            return false;
        lock (_lock)
        {
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.Punch, offset, length, []));
            int count = (int)Math.Clamp(_length - offset, 0, length);
            if (count > 0)
                Array.Clear(_bytes, (int)offset, count);
            return true;
        }
    }

    public bool TryDiscard(long offset, long length)
    {
        if (!IsDevice)
            return false;
        byte[] anything = new byte[length];
        lock (_lock)
            _garbage.NextBytes(anything);
        Write(offset, anything);
        return true;
    }

    public override void Flush()
    {
        lock (_lock)
        {
            BeforeChange?.Invoke(new StorageChange(StorageChangeKind.Flush, 0, 0, []));
            Flushes++;
        }
    }

    protected override void Dispose(bool disposing)
    {
    }

    private void Move(int bytes)
    {
        BytesMoved += bytes;
        if (BytesMoved > MostBytesMoved)
            throw new InvalidOperationException($"More than {MostBytesMoved} bytes were read and written: this has no end.");
    }

    private void Grow(long length)
    {
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(length, _bytes.Length * 2L));
        _length = Math.Max(_length, length);
    }
}
