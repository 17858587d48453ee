using System;
using Qed.Storage;

namespace Qed.Formats.Vdi;

/// <summary>Fills a fresh VDI image: header, map, then the blocks from a whole MiB on, as VirtualBox lays them.</summary>
internal sealed class VdiImageWriter : BlockImageWriter
{
    private const int MapOffset = 0x200;

    private readonly long _size;
    private readonly bool _isStatic;
    private readonly BlockLayout _layout;

    internal VdiImageWriter(BlockStorage target, long size, bool isStatic)
        : this(target, size, isStatic, LayoutFor(size, isStatic))
    {
    }

    private VdiImageWriter(BlockStorage target, long size, bool isStatic, BlockLayout layout)
        : base(target, layout)
    {
        _size = size;
        _isStatic = isStatic;
        _layout = layout;
    }

    public override void Complete()
    {
        Target.SetLength(EndOfBlocks);
        WriteTable(MapOffset, isBigEndian: false);
        var header = new VdiHeader
        {
            Type = _isStatic ? VdiImageType.Static : VdiImageType.Dynamic,
            MapOffset = MapOffset,
            DataOffset = _layout.DataOffset,
            DiskSize = _size,
            BlockSize = _layout.BlockSize,
            Blocks = _layout.Blocks,
            AllocatedBlocks = BlocksPlaced,
        };
        Span<byte> bytes = stackalloc byte[MapOffset];
        bytes.Clear();
        header.Write(bytes);
        Target.Write(0, bytes);
        Target.Flush();
    }

    protected override uint EntryFor(uint slot, long host) => slot;

    private static BlockLayout LayoutFor(long size, bool isStatic)
    {
        const int BlockSize = VdiHeader.DefaultBlockSize;
        long mapEnd = MapOffset + (BlockLayout.CountFor(size, BlockSize) * BlockTable.EntrySize);
        return new BlockLayout(size, BlockSize, BlockLayout.CountFor(mapEnd, BlockSize) * BlockSize, BlockSize, isStatic);
    }
}
