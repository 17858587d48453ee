using System;
using System.Text;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Vhdx;

/// <summary>
/// Fills a fresh image. A block gets its place when its first piece is reserved; what is not written of it stays a hole
/// of the host's file. The block table, up to 512 MiB, is never held whole: it is worked out while it is written, at the
/// end and once like the other tables. Signature and headers come last.
/// </summary>
internal sealed class VhdxImageWriter : MappedImageWriter
{
    private const int LargestPiece = 1 << 16;

    private readonly VhdxMetadata _metadata;
    private readonly VhdxGeometry _geometry;
    private readonly FileRange _tableRegion;
    private readonly BlockPlaces _places;
    private readonly DifferenceMarks? _marks;
    private readonly object _lock = new();

    internal VhdxImageWriter(BlockStorage target, VhdxMetadata metadata)
        : base(target)
    {
        _metadata = metadata;
        _geometry = metadata.Geometry;
        _tableRegion = VhdxLayout.BlockTable(_geometry, metadata.Parent is not null);
        _places = new BlockPlaces(_geometry.BlockCount, metadata.IsFixed);
        if (metadata.Parent is not null)
            _marks = new DifferenceMarks(_geometry, LargestPiece);
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
                long host = HostOffsetOf(_places.Add(offset.Value / _geometry.BlockSize)) + (offset.Value % _geometry.BlockSize);
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
        Target.SetLength(WriteTable());
        Target.Write(VhdxLayout.Metadata.Offset, _metadata.ToBytes());
        byte[] regions = VhdxRegionTable.ToBytes(_tableRegion, VhdxLayout.Metadata);
        Target.Write(VhdxRegionTable.FirstOffset, regions);
        Target.Write(VhdxRegionTable.SecondOffset, regions);
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

    /// <summary>Writes the block table, and what it needs behind the blocks.</summary>
    /// <returns>The length of the file.</returns>
    private long WriteTable()
    {
        long end = HostOffsetOf(_places.Count);
        var table = new BlockTableWriter(Target, _tableRegion);
        if (_marks is not null)
        {
            end = _marks.Finish(block => _places.Contains(block) ? HostOffsetOf(_places[block]) : -1, table, Target, end);
        }
        else
        {
            long place = 0;
            foreach (long block in _places.InOrder)
                table.Put(_geometry.EntryOfBlock(block), BatEntry.At(HostOffsetOf(place++), BlockState.FullyPresent));
        }

        table.Flush();
        return end;
    }

    private long HostOffsetOf(long place) => _tableRegion.End + (place * _geometry.BlockSize);

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        lock (_lock)
        {
            long block = offset.Value / _geometry.BlockSize;
            long inBlock = offset.Value % _geometry.BlockSize;
            long host = HostOffsetOf(_places[block]) + inBlock;
            // Of blocks that follow one another and have a place the places follow one another too.
            long count = _geometry.BlockSize - inBlock;
            while (count < wanted && _places.Contains(++block))
                count += _geometry.BlockSize;
            return (host, Math.Min(count, wanted));
        }
    }
}
