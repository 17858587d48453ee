using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using Qed.Images;
using Qed.Transfer;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>A raw disk that comes through a stream, of a length that somebody knows: read once, in order.</summary>
internal sealed class StreamDisk : DiskImage
{
    private readonly Stream _stream;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(CopyPlan.ChunkSize);
    private long _position;

    /// <param name="stream">The bytes; stays open.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="length">Bytes of the disk.</param>
    internal StreamDisk(Stream stream, string name, long length)
    {
        _stream = stream;
        Path = name;
        Length = length;
    }

    public override string Path { get; }

    public override IReadOnlyList<string> Files => [];

    public override string Format => BackingReference.RawName;

    public override long Length { get; }

    internal override bool IsSequential => true;

    /// <summary>Makes sure, when all was read, that nothing follows.</summary>
    /// <exception cref="DiskImageException">InvalidSize where something does.</exception>
    internal void RequireEnd()
    {
        if (_position == Length && Next(1) > 0)
            throw new DiskImageException(ErrorKind.InvalidSize, $"the stream goes on behind the {Text(Length)} bytes that it was said to have", Path);
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum) => new(offset, maximum, ExtentKind.Data, null);

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        if (offset.Value != _position)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a stream is read once, from its first byte to its last, and here it would have to be read in another order", Path);
        int read = Next(buffer.Length);
        if (read == 0)
            throw new DiskImageException(ErrorKind.InvalidSize, $"the stream ended after {Text(_position)} bytes, {Text(Length - _position)} too early", Path);
        _buffer.AsSpan(0, read).CopyTo(buffer);
        _position += read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            ArrayPool<byte>.Shared.Return(_buffer);
        base.Dispose(disposing);
    }

    private int Next(int wanted)
    {
        int read = 0;
        CallersStream.Use(Path, () => read = _stream.Read(_buffer, 0, Math.Min(wanted, _buffer.Length)));
        return read;
    }
}
