using System;
using System.IO;
using Qed.Units;

namespace Qed.Images;

/// <summary>A disk as a <see cref="Stream"/> of fixed length. The position belongs to one thread, the image to all.</summary>
internal sealed class DiskImageStream : Stream
{
    private readonly DiskImage _image;
    private readonly bool _leaveOpen;
    private long _position;

    /// <summary>Creates a view of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="leaveOpen">Whether closing the stream leaves the image open.</param>
    public DiskImageStream(DiskImage image, bool leaveOpen = false)
    {
        _image = image ?? throw new ArgumentNullException(nameof(image));
        _leaveOpen = leaveOpen;
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => _image is WritableDiskImage { CanWrite: true };

    /// <inheritdoc/>
    public override long Length => _image.Length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _position;
        set => _position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    private WritableDiskImage Writable
        => CanWrite ? (WritableDiskImage)_image : throw new NotSupportedException("The image was opened for reading.");

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => ReadInto(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteFrom(buffer.AsSpan(offset, count));

#if NET
    /// <inheritdoc/>
    public override int Read(Span<byte> buffer) => ReadInto(buffer);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer) => WriteFrom(buffer);
#endif

    /// <inheritdoc/>
    public override void Flush()
    {
        if (CanWrite)
            Writable.Flush();
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        long start = origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            SeekOrigin.End => Length,
            _ => throw new ArgumentOutOfRangeException(nameof(origin)),
        };
        if (start + offset < 0)
            throw new IOException("A position before the start of the disk was asked for.");
        return _position = start + offset;
    }

    /// <summary>Not supported: a disk changes its size by an operation of its own.</summary>
    public override void SetLength(long value)
        => throw new NotSupportedException("A disk image is resized by ResizeImage, not through its stream.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_leaveOpen)
            _image.Dispose();
        base.Dispose(disposing);
    }

    private int ReadInto(Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, Length - _position));
        if (count > 0)
            _image.Read(new GuestOffset(_position), buffer.Slice(0, count));
        _position += count;
        return count;
    }

    private void WriteFrom(ReadOnlySpan<byte> buffer)
    {
        WritableDiskImage image = Writable;
        if (buffer.Length > Length - _position)
            throw new IOException("The write reaches past the end of the disk.");
        image.Write(new GuestOffset(_position), buffer);
        _position += buffer.Length;
    }
}
