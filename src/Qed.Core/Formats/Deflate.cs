using System;
using System.Buffers.Binary;
using System.IO;
using System.IO.Compression;
#if !NET
using System.Buffers;
#endif

namespace Qed.Formats;

/// <summary>
/// Deflate data in one piece, raw or in a zlib frame, from and to memory that the caller holds. Nothing is kept between
/// calls, so threads work side by side.
/// </summary>
internal static class Deflate
{
    private const int FrameHeader = 2;
    private const int FrameChecksum = 4;
    // Deflate with a window of 32 KiB, default effort, no dictionary.
    private const ushort FrameStart = 0x789c;

    /// <summary>Compresses to a raw deflate stream.</summary>
    /// <returns>Bytes of <paramref name="target"/> that were used; -1 when it does not fit.</returns>
    internal static unsafe int CompressRaw(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* start = target)
        {
            using var sink = new BoundedSink(start, target.Length);
            using (var deflate = new DeflateStream(sink, CompressionLevel.Optimal, leaveOpen: true))
                WriteAll(deflate, source);
            return sink.Written;
        }
    }

    /// <summary>Decompresses the start of a raw deflate stream; what follows in the source is ignored.</summary>
    /// <param name="source">The stream, and whatever lies behind it.</param>
    /// <param name="target">Filled exactly.</param>
    /// <returns>False where the stream is damaged or shorter than the target.</returns>
    internal static bool TryDecompressRaw(ReadOnlySpan<byte> source, Span<byte> target)
        => Inflate(source, target) == target.Length;

    /// <summary>Compresses to a zlib stream.</summary>
    /// <returns>Bytes of <paramref name="target"/> that were used; -1 when it does not fit.</returns>
    internal static int CompressZlib(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (target.Length < FrameHeader + FrameChecksum)
            return -1;
        int length = CompressRaw(source, target.Slice(FrameHeader, target.Length - FrameHeader - FrameChecksum));
        if (length < 0)
            return -1;
        BinaryPrimitives.WriteUInt16BigEndian(target, FrameStart);
        BinaryPrimitives.WriteUInt32BigEndian(target.Slice(FrameHeader + length), Adler32(source));
        return FrameHeader + length + FrameChecksum;
    }

    /// <summary>Decompresses a zlib stream and compares its checksum; padding behind it is ignored.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="target">Receives the data.</param>
    /// <param name="written">Bytes that the stream holds.</param>
    /// <returns>False where the stream is damaged or holds more than the target.</returns>
    internal static bool TryDecompressZlib(ReadOnlySpan<byte> source, Span<byte> target, out int written)
    {
        written = 0;
        if (source.Length < FrameHeader + FrameChecksum)
            return false;
        int header = BinaryPrimitives.ReadUInt16BigEndian(source);
        bool isDeflate = (header >> 8 & 0x0f) == 8 && header % 31 == 0 && (header & 0x20) == 0;
        if (!isDeflate)
            return false;
        ReadOnlySpan<byte> rest = source.Slice(FrameHeader);
        int length = Inflate(rest, target);
        if (length < 0)
            return false;
        // DeflateStream does not tell where the data ended. The sum stands right behind it, normally at the very end;
        // it is also missing where the target was too short for the data.
        Span<byte> sum = stackalloc byte[FrameChecksum];
        BinaryPrimitives.WriteUInt32BigEndian(sum, Adler32(target.Slice(0, length)));
        if (rest.LastIndexOf(sum) < 0)
            return false;
        written = length;
        return true;
    }

    /// <summary>The checksum of zlib streams (RFC 1950).</summary>
    internal static uint Adler32(ReadOnlySpan<byte> bytes)
    {
        const uint Modulus = 65521;
        // The longest run after which 32 bits cannot have overflowed.
        const int LongestRun = 5552;
        uint a = 1;
        uint b = 0;
        while (!bytes.IsEmpty)
        {
            ReadOnlySpan<byte> run = bytes.Slice(0, Math.Min(LongestRun, bytes.Length));
            foreach (byte value in run)
            {
                a += value;
                b += a;
            }

            a %= Modulus;
            b %= Modulus;
            bytes = bytes.Slice(run.Length);
        }

        return b << 16 | a;
    }

    /// <summary>Decompresses until the target is full or the stream ends.</summary>
    /// <returns>Bytes written; -1 where the stream is damaged.</returns>
    private static unsafe int Inflate(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* start = source)
        {
            // The constructor takes no null pointer.
            if (start is null)
                return -1;
            using var input = new UnmanagedMemoryStream(start, source.Length);
            using var inflate = new DeflateStream(input, CompressionMode.Decompress);
            try
            {
                return ReadAll(inflate, target);
            }
            catch (Exception error) when (error is InvalidDataException or IOException)
            {
                return -1;
            }
        }
    }

#if NET
    private static void WriteAll(DeflateStream stream, ReadOnlySpan<byte> source) => stream.Write(source);

    private static int ReadAll(DeflateStream stream, Span<byte> target) => stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
#else
    private const int ChunkSize = 1 << 16;

    private static void WriteAll(DeflateStream stream, ReadOnlySpan<byte> source)
    {
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            while (!source.IsEmpty)
            {
                int length = Math.Min(chunk.Length, source.Length);
                source.Slice(0, length).CopyTo(chunk);
                stream.Write(chunk, 0, length);
                source = source.Slice(length);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private static int ReadAll(DeflateStream stream, Span<byte> target)
    {
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            int done = 0;
            while (done < target.Length)
            {
                int length = stream.Read(chunk, 0, Math.Min(chunk.Length, target.Length - done));
                if (length == 0)
                    break;
                chunk.AsSpan(0, length).CopyTo(target.Slice(done));
                done += length;
            }

            return done;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
#endif

    /// <summary>Takes what fits into memory that the caller has pinned, and remembers where something did not.</summary>
    private sealed unsafe class BoundedSink(byte* start, int capacity) : Stream
    {
        private int _length;
        private bool _overflowed;

        internal int Written => _overflowed ? -1 : _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            _overflowed |= count > capacity - _length;
            if (_overflowed)
                return;
            buffer.AsSpan(offset, count).CopyTo(new Span<byte>(start + _length, count));
            _length += count;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
