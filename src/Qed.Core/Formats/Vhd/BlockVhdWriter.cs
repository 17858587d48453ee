using System;
using System.Collections.Generic;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;

namespace Qed.Formats.Vhd;

/// <summary>Fills a dynamic or differencing VHD. Bitmaps are written as soon as the next block is begun, the rest at the end.</summary>
internal sealed class BlockVhdWriter : BlockImageWriter
{
    private const int DifferencingGrain = 4096;

    private readonly ImageTarget _target;
    private readonly VhdFooter _footer;
    private readonly VhdFileLayout _layout;
    private readonly VhdParent? _parent;
    private readonly byte[] _bits;
    private long _openBlock = -1;

    internal BlockVhdWriter(ImageTarget target, VhdFooter footer, VhdFileLayout layout, VhdParent? parent)
        : base(target.Storage, layout.Blocks)
    {
        _target = target;
        _footer = footer;
        _layout = layout;
        _parent = parent;
        _bits = new byte[VhdDynamicHeader.BitmapSizeFor(layout.Blocks.BlockSize)];
        if (parent is null)
            _bits.AsSpan().Fill(0xff);
    }

    /// <summary>Over a parent the bitmaps tell sectors apart: the least that hosts keep is written.</summary>
    public override int Grain => _parent is null ? base.Grain : DifferencingGrain;

    public override void Reserve(GuestOffset offset, long length)
    {
        long first = BlocksPlaced;
        base.Reserve(offset, length);
        if (_parent is not null)
            Mark(offset.Value, length);
        // Without a parent all sectors of a block are held, those never written as zeroes: what readers make of a
        // bitmap then does not matter.
        for (long slot = first; _parent is null && slot < BlocksPlaced; slot++)
            WriteBitmap(HostOffsetOf((uint)slot));
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        // Zeroes that hide the parent are sectors that are held and were never written in this fresh file.
        if (_parent is not null)
            Mark(offset.Value, length);
    }

    public override void Complete()
    {
        CloseBlock();
        long end = BlocksPlaced == 0 ? _layout.TableEnd : EndOfBlocks;
        Target.SetLength(end);
        WriteTable(_layout.TableOffset, isBigEndian: true);
        IReadOnlyList<VhdParentName> names = _parent?.Names ?? [];
        for (int i = 0; i < names.Count; i++)
            Target.Write(_layout.NameOffsets[i], names[i].Bytes);
        WriteHeader(names);
        byte[] footer = new byte[VhdFooter.Size];
        _footer.Write(footer);
        Target.Write(end, footer);
        Target.Write(0, footer);
        // Readers look for it in the last bytes of whatever the image lies on.
        _target.EndWith(footer);
        Target.Flush();
    }

    protected override uint EntryFor(uint slot, long host) => (uint)((host - _bits.Length) / VhdFooter.SectorSize);

    private void WriteHeader(IReadOnlyList<VhdParentName> names)
    {
        var header = new VhdDynamicHeader
        {
            TableOffset = _layout.TableOffset,
            Blocks = _layout.Blocks.Blocks,
            BlockSize = _layout.Blocks.BlockSize,
            ParentId = _parent?.Id ?? Guid.Empty,
            ParentTimeStamp = _parent?.TimeStamp ?? 0,
            ParentName = _parent?.FileName ?? string.Empty,
            Locators = new VhdParentLocator[names.Count],
        };
        for (int i = 0; i < names.Count; i++)
            header.Locators[i] = names[i].LocatorAt(_layout.NameOffsets[i]);
        byte[] bytes = new byte[VhdDynamicHeader.Size];
        header.Write(bytes);
        Target.Write(VhdFileLayout.HeaderOffset, bytes);
    }

    /// <summary>Sets the bits of a range, whose blocks get their places.</summary>
    private void Mark(long offset, long length)
    {
        foreach (BlockPart part in PartsOf(offset, length))
        {
            if (part.Block < _openBlock)
                throw new InvalidOperationException("Ranges are reserved in guest order.");
            if (part.Block > _openBlock)
            {
                CloseBlock();
                _openBlock = part.Block;
                Place(part.Block);
            }

            int end = (part.Start + part.Length + VhdFooter.SectorSize - 1) / VhdFooter.SectorSize;
            for (int sector = part.Start / VhdFooter.SectorSize; sector < end; sector++)
                _bits[sector / 8] |= (byte)(0x80 >> (sector % 8));
        }
    }

    private void CloseBlock()
    {
        if (_openBlock < 0)
            return;
        WriteBitmap(Place(_openBlock));
        Array.Clear(_bits, 0, _bits.Length);
        _openBlock = -1;
    }

    private void WriteBitmap(long dataOffset) => Target.Write(dataOffset - _bits.Length, _bits);
}
