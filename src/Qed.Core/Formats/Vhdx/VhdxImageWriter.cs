using System;
using System.Text;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>
/// Fills a fresh image. A block gets its place when its first piece is reserved; what is not written of it stays a hole
/// of the host's file. Tables are written once at the end, signature and headers last.
/// </summary>
internal sealed class VhdxImageWriter : MappedImageWriter
{
    private const int LargestPiece = 1 << 16;

    private readonly VhdxMetadata _metadata;
    private readonly VhdxGeometry _geometry;
    private readonly FileRange _tableRegion;
    private readonly BlockTableBuilder _table = new();
    private readonly DifferenceMarks? _marks;
    private readonly object _lock = new();
    private long _end;

    internal VhdxImageWriter(BlockStorage target, VhdxMetadata metadata)
        : base(target)
    {
        _metadata = metadata;
        _geometry = metadata.Geometry;
        _tableRegion = VhdxLayout.BlockTable(_geometry, metadata.Parent is not null);
        _end = _tableRegion.End;
        if (metadata.Parent is not null)
            _marks = new DifferenceMarks(_geometry, LargestPiece);
        if (metadata.IsFixed)
            PlaceAll();
    }

    /// <summary>What a file of this format starts with.</summary>
    internal static ReadOnlySpan<byte> FileSignature => "vhdxfile"u8;

    /// <summary>Far smaller than a block: a block filled in part takes no more space, and sector bitmaps tell what the parent has.</summary>
    public override int Grain => LargestPiece;

    public override void Reserve(GuestOffset offset, long length)
    {
        lock (_lock)
        {
            _marks?.Mark(offset, length);
            while (length > 0)
            {
                long host = Place(offset.Value / _geometry.BlockSize) + (offset.Value % _geometry.BlockSize);
                long part = Math.Min(length, _geometry.BlockSize - (offset.Value % _geometry.BlockSize));
                if (part >= LargestPiece)
                    Target.Preallocate(host, part);
                length -= part;
                offset += part;
            }
        }
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        if (_marks is null || length == 0)
            return;
        lock (_lock)
            _marks.Mark(offset, length);
    }

    public override void Complete()
    {
        _end = _marks?.Finish(_table, Target, _end) ?? _end;
        Target.SetLength(_end);
        _table.Write(Target, _tableRegion);
        Target.Write(VhdxLayout.Metadata.Offset, _metadata.ToBytes());
        byte[] regions = VhdxRegionTable.ToBytes(_tableRegion, VhdxLayout.Metadata);
        Target.Write(VhdxRegionTable.FirstOffset, regions);
        Target.Write(VhdxRegionTable.SecondOffset, regions);
        // Windows attaches no image whose file is sparse.
        Target.ClearSparse();
        Target.Flush();
        WriteHeaders();
        Target.Flush();
    }

    private void WriteHeaders()
    {
        byte[] identifier = new byte[8 + 512];
        FileSignature.CopyTo(identifier);
        Encoding.Unicode.GetBytes("Qed").CopyTo(identifier, 8);
        Target.Write(0, identifier);
        var header = new VhdxHeader
        {
            SequenceNumber = 1,
            FileWriteGuid = Guid.NewGuid(),
            DataWriteGuid = Guid.NewGuid(),
            Log = VhdxLayout.Log,
        };
        Target.Write(VhdxHeader.FirstOffset, header.ToBytes());
        Target.Write(VhdxHeader.SecondOffset, (header with { SequenceNumber = 2 }).ToBytes());
    }

    private void PlaceAll()
    {
        for (long block = 0; block < _geometry.BlockCount; block++)
            Place(block);
    }

    /// <summary>The host offset of a block, which gets one if it has none.</summary>
    private long Place(long block)
    {
        long index = _geometry.EntryOfBlock(block);
        BatEntry entry = _table[index];
        if (!entry.HasData)
        {
            _table[index] = entry = BatEntry.At(_end, BlockState.FullyPresent);
            _end += _geometry.BlockSize;
        }

        return (long)entry.Offset;
    }

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        lock (_lock)
        {
            long block = offset.Value / _geometry.BlockSize;
            long inBlock = offset.Value % _geometry.BlockSize;
            BatEntry first = _table[_geometry.EntryOfBlock(block)];
            if (!first.HasData)
                throw new InvalidOperationException("The range was not reserved.");
            long count = _geometry.BlockSize - inBlock;
            for (ulong next = first.Offset + (ulong)_geometry.BlockSize; count < wanted; next += (ulong)_geometry.BlockSize)
            {
                BatEntry entry = _table[_geometry.EntryOfBlock(++block)];
                if (!entry.HasData || entry.Offset != next)
                    break;
                count += _geometry.BlockSize;
            }

            return ((long)first.Offset + inBlock, Math.Min(count, wanted));
        }
    }
}
