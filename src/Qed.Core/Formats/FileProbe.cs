using System;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>The parts of a file that tell formats apart. Its end is read only when a format asks for it.</summary>
internal sealed class FileProbe
{
    private const int StartLength = 4096;
    private const int EndLength = 512;
    private const int MostBytes = 16;

    private readonly BlockStorage _storage;
    private readonly byte[] _start = new byte[StartLength];
    private readonly int _startLength;
    private byte[]? _end;

    internal FileProbe(BlockStorage storage)
    {
        _storage = storage;
        _startLength = storage.Read(0, _start);
    }

    /// <summary>The length of the file.</summary>
    internal long Length => _storage.Length;

    /// <summary>The first bytes of the file, at most 4096.</summary>
    internal ReadOnlySpan<byte> Start => _start.AsSpan(0, _startLength);

    /// <summary>The last 512 bytes of the file; fewer where it is shorter.</summary>
    internal ReadOnlySpan<byte> End
    {
        get
        {
            if (_end is null)
            {
                long length = _storage.Length;
                _end = new byte[Math.Min(EndLength, length)];
                int read = _storage.Read(length - _end.Length, _end);
                Array.Resize(ref _end, read);
            }

            return _end;
        }
    }

    /// <summary>Whether bytes stand at an offset of the file, anywhere in it; what lies behind the start is read for it.</summary>
    internal bool Has(long offset, ReadOnlySpan<byte> bytes)
    {
        if (offset + bytes.Length <= StartLength)
            return StartHas((int)offset, bytes);
        Span<byte> there = stackalloc byte[MostBytes];
        there = there.Slice(0, Math.Min(MostBytes, bytes.Length));
        return _storage.Read(offset, there) == bytes.Length && there.SequenceEqual(bytes);
    }

    /// <summary>Whether bytes stand at an offset of the file's start.</summary>
    internal bool StartHas(int offset, ReadOnlySpan<byte> bytes)
        => Start.Length >= offset + bytes.Length && Start.Slice(offset, bytes.Length).SequenceEqual(bytes);
}
