using System;
using System.Buffers;
using System.IO;
using System.Security.Cryptography;
using Qed.Transfer;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>The bytes that are to be written into an image, read in order and, where they are to be verified, hashed on the way.</summary>
internal sealed class ContentSource : IDisposable
{
    private readonly Stream _stream;
    private readonly string? _file;
    private readonly string _imagePath;
    private readonly IncrementalHash? _hash;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(CopyPlan.ChunkSize);

    /// <param name="stream">The bytes; stays open.</param>
    /// <param name="file">The file that they come from; null for a stream of the caller's.</param>
    /// <param name="imagePath">The image, named where the stream fails.</param>
    /// <param name="withHash">Whether <see cref="Hash"/> will be asked for.</param>
    internal ContentSource(Stream stream, string? file, string imagePath, bool withHash)
    {
        _stream = stream;
        _file = file;
        _imagePath = imagePath;
        _hash = withHash ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        Length = stream.CanSeek ? Math.Max(0, stream.Length - stream.Position) : null;
    }

    /// <summary>Bytes that are there; null where the stream does not tell.</summary>
    internal long? Length { get; }

    /// <summary>The next bytes: as many as asked for, at most a chunk, unless the source ends; valid until the next call.</summary>
    internal ReadOnlySpan<byte> Next(int wanted)
    {
        int filled = 0;
        while (filled < wanted)
        {
            int read = 0;
            CallersStream.Use(_imagePath, () => read = _stream.Read(_buffer, filled, wanted - filled));
            if (read <= 0)
                break;
            filled += read;
        }

        _hash?.AppendData(_buffer, 0, filled);
        return _buffer.AsSpan(0, filled);
    }

    /// <summary>The hash of all bytes so far.</summary>
    internal byte[] Hash() => _hash!.GetHashAndReset();

    /// <summary>The error of a source that has fewer bytes than asked for.</summary>
    internal DiskImageException TooShort(long wanted, long available)
        => new(ErrorKind.InvalidSize, $"{Text(wanted)} bytes are to be written, but the source has only {Text(available)}", _file ?? _imagePath);

    public void Dispose()
    {
        _hash?.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }
}
