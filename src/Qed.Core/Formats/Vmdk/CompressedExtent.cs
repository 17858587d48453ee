using System;
using System.Buffers;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>An extent of compressed grains, each behind a marker that tells whose it is and how long.</summary>
internal sealed class CompressedExtent : VmdkExtent
{
    private readonly BlockStorage _file;
    private readonly SparseHeader _header;
    private readonly GrainTables _tables;
    private readonly DecodedGrains _decoded;

    /// <param name="file">The extent's file.</param>
    /// <param name="header">Its header, which says that grains are compressed.</param>
    /// <param name="length">Bytes of it that belong to the disk, at most its capacity.</param>
    /// <param name="options">How the image is opened.</param>
    internal CompressedExtent(BlockStorage file, SparseHeader header, long length, ImageOpenOptions options)
        : base(length)
    {
        _file = file;
        _header = header;
        _tables = new GrainTables(file, header, options);
        _decoded = new DecodedGrains((int)header.GrainBytes);
    }

    // Incompressible data grows a little; a longer piece than this no writer makes.
    private int LongestPiece => checked((int)(2 * _header.GrainBytes) + SparseHeader.SectorSize);

    internal override ExtentRun Find(long offset, long maximum)
    {
        (GrainRun run, long within) = _tables.FindBytes(offset, maximum);
        return new ExtentRun(run.Kind, Math.Min(maximum, (run.Grains * _header.GrainBytes) - within), null);
    }

    internal override void Read(long offset, ExtentRun run, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            long grain = offset / _header.GrainBytes;
            int within = (int)(offset & (_header.GrainBytes - 1));
            int size = SizeOf(grain);
            int count = Math.Min(buffer.Length, size - within);
            // A grain that is wanted whole needs no copy, and will hardly be wanted again.
            if (count == size)
                Decode(grain, buffer.Slice(0, size));
            else
                _decoded.Get(grain, whole => Decode(grain, whole.AsSpan(0, size))).AsSpan(within, count).CopyTo(buffer);
            buffer = buffer.Slice(count);
            offset += count;
        }
    }

    /// <summary>Bytes of a grain that belong to the disk: the last one may reach past its end.</summary>
    private int SizeOf(long grain)
        => (int)Math.Min(_header.GrainBytes, (_header.Capacity * SparseHeader.SectorSize) - (grain * _header.GrainBytes));

    private void Decode(long grain, Span<byte> target)
    {
        GrainRun run = _tables.Find(grain, 1);
        if (run.Kind != ExtentKind.Data)
            throw new InvalidOperationException("The grain has no data.");
        long offset = run.Sector * (long)SparseHeader.SectorSize;
        byte[] piece = ArrayPool<byte>.Shared.Rent(Math.Max(FirstRead, SparseHeader.SectorSize));
        try
        {
            Decode(grain, offset, ref piece, target);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    // Most grains are in memory after one read.
    private int FirstRead => (int)Math.Min(_header.GrainBytes, 1 << 16);

    private void Decode(long grain, long offset, ref byte[] piece, Span<byte> target)
    {
        int read = _file.Read(offset, piece.AsSpan(0, FirstRead));
        StreamMarker marker = StreamMarker.ParseGrain(piece.AsSpan(0, Math.Max(read, StreamMarker.GrainHeaderSize)));
        if (read < StreamMarker.GrainHeaderSize || marker.Value != (ulong)(grain * _header.GrainSectors))
            throw Corrupt("the marker before a compressed grain belongs to another one", offset, marker.Value);
        if (marker.DataSize == 0 || marker.DataSize > LongestPiece - StreamMarker.GrainHeaderSize)
            throw Corrupt("the size of a compressed grain is zero or beyond all bounds", offset + 8, marker.DataSize);
        int length = (int)marker.DataSize + StreamMarker.GrainHeaderSize;
        if (length > read)
            ReadRest(offset, ref piece, read, length);
        Inflate(piece.AsSpan(StreamMarker.GrainHeaderSize, (int)marker.DataSize), target, offset);
    }

    private void ReadRest(long offset, ref byte[] piece, int read, int length)
    {
        if (length > piece.Length)
        {
            byte[] longer = ArrayPool<byte>.Shared.Rent(length);
            piece.AsSpan(0, read).CopyTo(longer);
            ArrayPool<byte>.Shared.Return(piece);
            piece = longer;
        }

        if (_file.Read(offset + read, piece.AsSpan(read, length - read)) < length - read)
            throw Corrupt("a compressed grain is cut off by the end of the file", offset, (ulong)length);
    }

    private void Inflate(ReadOnlySpan<byte> data, Span<byte> target, long offset)
    {
        bool isWhole = Deflate.TryDecompressZlib(data, target, out int written);
        if (!isWhole && target.Length < _header.GrainBytes)
        {
            // The last grain may be stored whole although the disk ends within it.
            byte[] whole = new byte[_header.GrainBytes];
            isWhole = Deflate.TryDecompressZlib(data, whole, out written);
            whole.AsSpan(0, target.Length).CopyTo(target);
        }

        if (!isWhole || written < target.Length)
            throw Corrupt("a compressed grain is damaged", offset, null);
    }

    private DiskImageException Corrupt(string rule, long offset, ulong? value)
        => new(ErrorKind.ImageCorrupt, rule, _file.Path) { Structure = "compressed grain", Offset = offset, Value = value };
}
