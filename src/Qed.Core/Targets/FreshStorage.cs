using System;
using System.Linq;
using System.Threading;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Targets;

/// <summary>
/// What exists already, written as if it were a new, empty file: what is not written reads as zeroes at the end. Its
/// first bytes are written last, when everything else is on stable storage, so that what was begun and not ended is
/// never taken for an image, neither the new one nor the old.
/// </summary>
internal sealed class FreshStorage : BlockStorage, IResizable, IPunchable
{
    private const int HeadLength = 4096;
    private const int Step = 16 << 20;
    private const int SmallGap = 1 << 20;
    private const int MostRuns = 1 << 16;

    private readonly HostFile _file;
    private readonly CancellationToken _cancellation;
    private readonly object _lock = new();
    private readonly WrittenRanges _written = new();
    private readonly byte[] _head = new byte[HeadLength];
    private readonly AlignedBuffer _zeroes = new();
    // What the first bytes were: an image that is shorter than them leaves the rest alone.
    private byte[]? _old;
    private byte[]? _end;
    private long _length;

    /// <param name="file">The file or device, which stays the caller's.</param>
    /// <param name="isZero">Whether all of it is known to read as zeroes.</param>
    /// <param name="cancellation">Ends the filling of gaps.</param>
    internal FreshStorage(HostFile file, bool isZero, CancellationToken cancellation)
    {
        _file = file;
        _cancellation = cancellation;
        if (isZero)
            _written.Add(0, file.Length);
    }

    public override string Path => _file.Path;

    public override bool CanWrite => true;

    /// <summary>The length that the new file has so far.</summary>
    public override long Length => Volatile.Read(ref _length);

    public override int Read(long offset, Span<byte> buffer) => throw new InvalidOperationException("A fresh image is written only.");

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (buffer.IsEmpty)
            return;
        lock (_lock)
        {
            Begin();
            RequireRoom(offset + buffer.Length);
            _length = Math.Max(_length, offset + buffer.Length);
            _written.Add(offset, offset + buffer.Length);
            if (_written.Count > MostRuns)
                Fill(_written.MiddleStart, ProgressMeter.Silent, _cancellation);
        }

        if (offset < HeadLength)
        {
            int inHead = (int)Math.Min(buffer.Length, HeadLength - offset);
            buffer.Slice(0, inHead).CopyTo(_head.AsSpan((int)offset));
            buffer = buffer.Slice(inHead);
            offset += inHead;
        }

        if (!buffer.IsEmpty)
            _file.Write(offset, buffer);
    }

    public void SetLength(long length)
    {
        lock (_lock)
        {
            RequireRoom(length);
            Forget(length, Math.Max(length, _length));
            _length = length;
        }
    }

    /// <summary>Takes a range for one that was never written.</summary>
    public bool TryPunch(long offset, long length)
    {
        lock (_lock)
            Forget(offset, offset + length);
        return true;
    }

    /// <summary>Nothing counts before <see cref="Finish"/>, which flushes.</summary>
    public override void Flush()
    {
    }

    /// <summary>What is to stand in the last bytes of the file when all is done, unless the image itself reaches there.</summary>
    internal void EndWith(ReadOnlySpan<byte> end) => _end = end.ToArray();

    /// <summary>Fills what was not written, makes all durable, then writes the first bytes.</summary>
    internal void Finish(ProgressMeter progress, CancellationToken cancellation)
    {
        lock (_lock)
        {
            Begin();
            _written.Add(0, Math.Min(HeadLength, _length));
            Fill(_length, progress, cancellation);
            WriteEnd();
            _file.Flush();
            WriteHead();
            _file.Flush();
        }
    }

    /// <summary>Makes sure that what was written is not taken for an image.</summary>
    internal void Spoil()
    {
        _file.Write(0, new byte[Math.Min(HeadLength, _file.Length)]);
        _file.Flush();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _zeroes.Dispose();
    }

    /// <summary>Before anything else is overwritten, what is there is no image any more.</summary>
    private void Begin()
    {
        if (_old is not null)
            return;
        byte[] old = new byte[Math.Min(HeadLength, _file.Length)];
        if (_file.Read(0, old) < old.Length)
            throw new DiskImageException(ErrorKind.AccessDenied, "the start of what is to be overwritten cannot be read", Path);
        _old = old;
        Spoil();
    }

    private void WriteHead()
    {
        byte[] bytes = _old!.ToArray();
        _head.AsSpan(0, (int)Math.Min(bytes.Length, _length)).CopyTo(bytes);
        _file.Write(0, bytes);
    }

    private void WriteEnd()
    {
        if (_end is null)
            return;
        long start = _file.Length - _end.Length;
        long from = Math.Max(start, _length);
        _file.Write(from, _end.AsSpan((int)(from - start)));
    }

    private void RequireRoom(long length)
    {
        if (length > _file.Length)
        {
            throw new DiskImageException(
                ErrorKind.NotEnoughSpace, $"the image needs {Text(length)} bytes or more, but {(_file.IsBlockDevice ? "the block device" : "the file that it is written into")} has {Text(_file.Length)}", Path);
        }
    }

    private void Forget(long start, long end)
    {
        _written.Remove(start, end);
        if (start < HeadLength)
            Array.Clear(_head, (int)start, (int)(Math.Min(HeadLength, end) - start));
    }

    /// <summary>Writes zeroes to all gaps before an offset. Whoever writes there meanwhile waits.</summary>
    private void Fill(long limit, ProgressMeter progress, CancellationToken cancellation)
    {
        while (_written.GapFrom(0, limit) is var (start, end))
        {
            cancellation.ThrowIfCancellationRequested();
            end = Math.Min(end, start + Step);
            WriteZeroesTo(Math.Max(start, HeadLength), end);
            _written.Add(start, end);
            progress.ReachedAtLeast(end);
        }
    }

    private void WriteZeroesTo(long start, long end)
    {
        const int Mask = AlignedBuffer.Alignment - 1;
        // A gap that is cheap to write is not worth the system's thinking about it; freeing takes whole sectors.
        long first = (start + Mask) & ~(long)Mask;
        long last = end & ~(long)Mask;
        if (last - first < SmallGap || !_file.TryPunch(first, last - first))
        {
            WriteZeroBytes(start, end);
            return;
        }

        WriteZeroBytes(start, first);
        WriteZeroBytes(last, end);
    }

    private void WriteZeroBytes(long start, long end)
    {
        const int Mask = AlignedBuffer.Alignment - 1;
        while (start < end)
        {
            // Up to a page boundary first: what is aligned goes past the cache like all else.
            long toBoundary = AlignedBuffer.Alignment - (start & Mask);
            int count = (int)Math.Min(end - start, (start & Mask) != 0 ? toBoundary : SmallGap);
            if (count > AlignedBuffer.Alignment)
                count &= ~Mask;
            Span<byte> zeroes = _zeroes.Take(SmallGap).Slice(0, count);
            zeroes.Clear();
            _file.Write(start, zeroes);
            start += count;
        }
    }
}
