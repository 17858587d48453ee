using System;
using Qed.Bits;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>The checksum by which an undo journal knows again what a repair has left in an image. Of a large repair only the first part is read.</summary>
internal sealed class UndoState(BlockStorage image)
{
    /// <summary>The most bytes that are read.</summary>
    internal const long Limit = 16 << 20;

    private const int Piece = 1 << 18;

    private readonly byte[] _buffer = new byte[Piece];
    private long _left = Limit;

    internal uint Checksum { get; private set; }

    /// <summary>Adds a range of the image, as far as there is one.</summary>
    internal void Add(long offset, long length)
    {
        long end = Math.Min(image.Length, offset + length);
        while (offset < end && _left > 0)
        {
            Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(Math.Min(Piece, _left), end - offset));
            image.ReadOrZero(offset, part);
            Checksum = Crc32C.Append(Checksum, part);
            offset += part.Length;
            _left -= part.Length;
        }
    }
}
