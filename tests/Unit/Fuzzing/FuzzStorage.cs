using System;
using Qed.Storage;

namespace Qed.Tests.Fuzzing;

/// <summary>A file in memory that counts what is done to it, and is not written by who opened it for reading.</summary>
/// <param name="path">Its name.</param>
/// <param name="bytes">What it holds, at its start; written where it may be.</param>
/// <param name="length">How much of that.</param>
/// <param name="canWrite">Whether it may be written.</param>
/// <param name="meter">Told of each request.</param>
internal class FuzzStorage(string path, byte[] bytes, int length, bool canWrite, WorkMeter meter) : BlockStorage, IResizable, IPunchable
{
    // Far more than any operation makes of the small files that are tried.
    private const long MostBytes = 96 << 20;

    private readonly object _lock = new();
    private byte[] _bytes = bytes;
    private int _length = length;

    public override string Path => path;

    public override bool CanWrite => canWrite;

    public override long Length
    {
        get
        {
            lock (_lock)
                return _length;
        }
    }

    internal ReadOnlySpan<byte> Contents => _bytes.AsSpan(0, _length);

    /// <summary>Whether anything was changed.</summary>
    internal bool WasChanged { get; private set; }

    public override int Read(long offset, Span<byte> buffer)
    {
        if (offset < 0)
            throw new FuzzFailure($"no offset is negative, as {offset} is");
        meter.Spend(buffer.Length);
        lock (_lock)
        {
            int count = (int)Math.Clamp(_length - offset, 0, buffer.Length);
            if (count > 0)
                _bytes.AsSpan((int)offset, count).CopyTo(buffer);
            return count;
        }
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        Change(offset + buffer.Length);
        meter.Spend(buffer.Length);
        if (buffer.IsEmpty)
            return;
        lock (_lock)
        {
            Written(offset, offset + buffer.Length);
            Grow(offset + buffer.Length);
            buffer.CopyTo(_bytes.AsSpan((int)offset));
        }
    }

    public void SetLength(long length)
    {
        Change(length);
        lock (_lock)
        {
            if (length < _length)
                Clear(length, _length);
            Grow(length);
            _length = (int)length;
        }
    }

    public bool TryPunch(long offset, long length)
    {
        Change(0);
        lock (_lock)
        {
            Clear(offset, Math.Min(_length, offset + length));
            return true;
        }
    }

    public override void Flush() => Change(0);

    protected override void Dispose(bool disposing)
    {
    }

    /// <summary>Called when a range was written.</summary>
    protected virtual void Written(long start, long end)
    {
    }

    /// <summary>Called when a range was punched or cut off.</summary>
    protected virtual void Punched(long start, long end)
    {
    }

    private void Change(long end)
    {
        if (!canWrite)
            throw new FuzzFailure("nothing is written that was opened for reading");
        if (end is < 0 or > MostBytes)
            throw new FuzzFailure($"a small image does not become a file of {end} bytes");
        WasChanged = true;
    }

    private void Clear(long start, long end)
    {
        if (start >= end)
            return;
        _bytes.AsSpan((int)start, (int)(end - start)).Clear();
        Punched(start, end);
    }

    private void Grow(long length)
    {
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(length, _bytes.Length * 2L));
        // What is left of an earlier use of the array.
        if (length > _length)
            _bytes.AsSpan(_length, (int)length - _length).Clear();
        _length = (int)Math.Max(_length, length);
    }
}
