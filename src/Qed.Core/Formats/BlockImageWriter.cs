using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats;

/// <summary>
/// Fills a fresh image whose flat table finds blocks of one size: blocks get their places in guest order, and the table,
/// four bytes a block with data, stays in memory until the end.
/// </summary>
internal abstract class BlockImageWriter : MappedImageWriter
{
    /// <summary>What the table says of a block that has no place, in every format that has such a table.</summary>
    private const uint Unused = uint.MaxValue;

    private const int SlotsPerPage = 1 << 13;
    private const int SectorSize = 512;
    private const int LargestGrain = 1 << 16;

    private readonly BlockLayout _layout;
    // The places of the blocks, counted from the first one, made page by page as there is data.
    private readonly uint[]?[] _pages;
    private long _placed;

    protected BlockImageWriter(BlockStorage target, BlockLayout layout)
        : base(target)
    {
        _layout = layout;
        _pages = layout.IsFixed ? [] : new uint[]?[BlockLayout.CountFor(layout.Blocks, SlotsPerPage)];
        _placed = layout.IsFixed ? layout.Blocks : 0;
    }

    /// <summary>Less than a block: the zeroes in a block need not be written, since the file is fresh.</summary>
    public override int Grain => Math.Min(_layout.BlockSize, LargestGrain);

    /// <summary>Blocks that have a place.</summary>
    protected long BlocksPlaced => _placed;

    /// <summary>The host offset behind the last block.</summary>
    protected long EndOfBlocks => _placed == 0 ? _layout.DataOffset : _layout.DataOffset + ((_placed - 1) * _layout.Stride) + _layout.BlockSize;

    public override void Reserve(GuestOffset offset, long length)
    {
        foreach (BlockPart part in PartsOf(offset.Value, length))
        {
            long host = Place(part.Block) + part.Start;
            if (part.Length >= LargestGrain)
                Target.Preallocate(host, part.Length);
        }
    }

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        // Places of reserved blocks never change, and their reservation happened before this call: no lock is needed.
        long block = offset.Value / _layout.BlockSize;
        long inBlock = offset.Value % _layout.BlockSize;
        uint slot = SlotOf(block);
        if (slot == Unused)
            throw new InvalidOperationException("The range was not reserved.");
        return (HostOffsetOf(slot) + inBlock, Math.Min(wanted, _layout.BlockSize - inBlock));
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        // What has no place reads as zeroes, and so does what is not written in a fresh file.
    }

    /// <summary>Cuts a range of the guest's disk where blocks end.</summary>
    protected IEnumerable<BlockPart> PartsOf(long offset, long length)
    {
        for (long end = offset + length; offset < end;)
        {
            int start = (int)(offset % _layout.BlockSize);
            int count = (int)Math.Min(end - offset, _layout.BlockSize - start);
            yield return new BlockPart(offset / _layout.BlockSize, start, count);
            offset += count;
        }
    }

    /// <summary>Gives a block its place, if it has none.</summary>
    /// <returns>The host offset of its data.</returns>
    protected long Place(long block)
    {
        if (_layout.IsFixed)
            return HostOffsetOf((uint)block);
        uint[] page = _pages[block / SlotsPerPage] ??= NewPage();
        ref uint slot = ref page[block % SlotsPerPage];
        if (slot == Unused)
            slot = (uint)_placed++;
        return HostOffsetOf(slot);
    }

    /// <summary>The table's entry for a block.</summary>
    /// <param name="slot">Its place, counted from the first one.</param>
    /// <param name="host">The host offset of its data.</param>
    protected abstract uint EntryFor(uint slot, long host);

    /// <summary>Writes the table, filled up to a whole sector.</summary>
    protected void WriteTable(long offset, bool isBigEndian)
    {
        byte[] bytes = new byte[SlotsPerPage * BlockTable.EntrySize];
        for (long block = 0; block < _layout.Blocks; block += SlotsPerPage)
        {
            int count = (int)Math.Min(SlotsPerPage, _layout.Blocks - block);
            int length = RoundUp(count * BlockTable.EntrySize, SectorSize);
            bytes.AsSpan(0, length).Fill(0xff);
            for (int i = 0; i < count; i++)
            {
                uint slot = SlotOf(block + i);
                if (slot != Unused)
                    PutEntry(bytes.AsSpan(i * BlockTable.EntrySize), EntryFor(slot, HostOffsetOf(slot)), isBigEndian);
            }

            Target.Write(offset + (block * BlockTable.EntrySize), bytes.AsSpan(0, length));
        }
    }

    /// <summary>The least multiple of a unit that is not below a number.</summary>
    protected static int RoundUp(int number, int unit) => (number + unit - 1) / unit * unit;

    private static void PutEntry(Span<byte> bytes, uint entry, bool isBigEndian)
    {
        if (isBigEndian)
            BinaryPrimitives.WriteUInt32BigEndian(bytes, entry);
        else
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, entry);
    }

    private static uint[] NewPage()
    {
        var page = new uint[SlotsPerPage];
        page.AsSpan().Fill(Unused);
        return page;
    }

    /// <summary>The host offset of the data of a block that has a place.</summary>
    protected long HostOffsetOf(uint slot) => _layout.DataOffset + (slot * _layout.Stride);

    private uint SlotOf(long block)
        => _layout.IsFixed ? (uint)block : _pages[block / SlotsPerPage] is { } page ? page[block % SlotsPerPage] : Unused;

    /// <summary>The part of a range that lies in one block.</summary>
    protected readonly record struct BlockPart(long Block, int Start, int Length);
}
