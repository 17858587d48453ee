using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Vhdx;

/// <summary>Where the guest's bytes lie, from the block allocation table and the sector bitmaps. Threads may share it.</summary>
internal sealed class VhdxBlockMap
{
    private const string BeyondEnd = "a block lies beyond the end of the file: it is cut off";

    private readonly BlockStorage _storage;
    private readonly CachedTables _pages;
    private readonly VhdxGeometry _geometry;
    private readonly bool _hasParent;
    private readonly long _table;
    private readonly IReadOnlyList<FileRange> _reserved;
    private long _fileLength;

    /// <exception cref="DiskImageException">ImageCorrupt: the table is too short for the disk.</exception>
    internal VhdxBlockMap(BlockStorage storage, VhdxRegionTable regions, VhdxGeometry geometry, bool hasParent, long tableCacheBytes)
    {
        _storage = storage;
        _pages = new CachedTables(storage, tableCacheBytes);
        _geometry = geometry;
        _hasParent = hasParent;
        _table = regions.BlockTable.Offset;
        _reserved = regions.Reserved;
        _fileLength = storage.Length;
        if (geometry.EntryCount(hasParent) > regions.BlockTable.Length / BatEntry.Size)
            throw VhdxFault.Corrupt(storage.Path, "the block allocation table is too short for the size of the disk", "block allocation table", _table, (ulong)regions.BlockTable.Length);
    }

    /// <summary>The headers, the log, the regions, and the sector bitmaps that differences have.</summary>
    internal IEnumerable<FileRange> Structures()
    {
        foreach (FileRange range in _reserved)
            yield return range;
        for (long chunk = 0; _hasParent && chunk < _geometry.ChunkCount; chunk++)
        {
            var bitmap = new BatEntry(_pages.UInt64LittleEndian(_table + (_geometry.EntryOfBitmap(chunk) * BatEntry.Size)));
            if (bitmap.State == BlockState.FullyPresent && bitmap.Offset <= long.MaxValue)
                yield return new FileRange((long)bitmap.Offset, SectorBitmap.Size);
        }
    }

    /// <summary>A run of one kind.</summary>
    /// <param name="Kind">What it is.</param>
    /// <param name="Length">Its length in bytes.</param>
    /// <param name="Host">Where it lies in the file, where it is data.</param>
    internal readonly record struct Run(ExtentKind Kind, long Length, HostOffset Host);

    /// <summary>The run at an offset, cut off where the table or bitmap would have to be looked up anew.</summary>
    /// <param name="offset">Below the size of the disk.</param>
    /// <param name="maximum">At least 1, and within the disk.</param>
    /// <param name="budget">Spent on what is looked up behind the first entry.</param>
    /// <exception cref="DiskImageException">ImageCorrupt: the entry there breaks a rule.</exception>
    internal Run Find(GuestOffset offset, long maximum, ref LookupBudget budget)
    {
        long block = offset.Value / _geometry.BlockSize;
        int inBlock = (int)(offset.Value % _geometry.BlockSize);
        long entryOffset = _table + (_geometry.EntryOfBlock(block) * BatEntry.Size);
        var entry = new BatEntry(_pages.UInt64LittleEndian(entryOffset));
        switch (entry.State)
        {
            case BlockState.FullyPresent:
                return FindData(block, inBlock, entry, entryOffset, maximum, ref budget);
            case BlockState.PartiallyPresent when _hasParent:
                return FindSectors(block, inBlock, entry, entryOffset, maximum);
            case BlockState.PartiallyPresent:
                throw Corrupt("a block is partially present in an image without a parent", entryOffset, entry);
            case BlockState.NotPresent:
            case BlockState.Undefined:
            case BlockState.Zero:
            case BlockState.Unmapped:
                long end = EndOfLike(entry, block + 1, offset.Value + maximum, ref budget);
                return new Run(entry.IsZero ? ExtentKind.Zero : ExtentKind.Unallocated, Math.Min(maximum, end - offset.Value), default);
            default:
                throw Corrupt("a block has a state that the format reserves", entryOffset, entry);
        }
    }

    /// <summary>Whether the file ends at a place, so that no run of data goes on behind it.</summary>
    internal bool IsEndOfFile(HostOffset host) => host.Value >= FileLength(host.Value);

    private Run FindData(long block, int inBlock, BatEntry entry, long entryOffset, long maximum, ref LookupBudget budget)
    {
        FileRange first = RangeOf(entry, _geometry.BlockSize, entryOffset);
        long guest = block * _geometry.BlockSize;
        long end = EndOfLike(entry, block + 1, guest + inBlock + maximum, ref budget);
        // Of blocks that follow one another only the first is known to be sound.
        long sound = SoundLength(first.Offset, end - guest);
        return DataRun(first.Offset + inBlock, Math.Min(maximum, sound - inBlock), entry, entryOffset);
    }

    private Run FindSectors(long block, int inBlock, BatEntry entry, long entryOffset, long maximum)
    {
        FileRange data = RangeOf(entry, _geometry.BlockSize, entryOffset);
        long chunk = block / _geometry.ChunkRatio;
        long bitmapEntryOffset = _table + (_geometry.EntryOfBitmap(chunk) * BatEntry.Size);
        var bitmapEntry = new BatEntry(_pages.UInt64LittleEndian(bitmapEntryOffset));
        if (bitmapEntry.State != BlockState.FullyPresent)
            throw Corrupt("a block is partially present, and its sector bitmap is missing", bitmapEntryOffset, bitmapEntry);
        FileRange bitmap = RangeOf(bitmapEntry, SectorBitmap.Size, bitmapEntryOffset);
        if (bitmap.End > FileLength(bitmap.End))
            throw Corrupt(BeyondEnd, bitmapEntryOffset, bitmapEntry);
        int sectorSize = _geometry.LogicalSectorSize;
        int firstOfBlock = (int)(block % _geometry.ChunkRatio) * _geometry.SectorsInBlock;
        int first = firstOfBlock + (inBlock / sectorSize);
        int count = SectorBitmap.RunLength(_pages, bitmap.Offset, first, firstOfBlock + _geometry.SectorsInBlock, out bool isPresent);
        long length = Math.Min(maximum, ((long)count * sectorSize) - (inBlock % sectorSize));
        return isPresent
            ? DataRun(data.Offset + inBlock, length, entry, entryOffset)
            : new Run(ExtentKind.Unallocated, length, default);
    }

    /// <summary>
    /// The guest offset where blocks end that are like a first one, or where the budget does; those with data also follow
    /// it on the host.
    /// </summary>
    private long EndOfLike(BatEntry first, long block, long guestEnd, ref LookupBudget budget)
    {
        long last = Math.Min(_geometry.BlockCount, (guestEnd + _geometry.BlockSize - 1) / _geometry.BlockSize);
        ulong expected = first.Offset;
        while (block < last && budget.TrySpend())
        {
            long beforeBitmap = _geometry.ChunkRatio - (block % _geometry.ChunkRatio);
            ReadOnlySpan<byte> bytes = _pages.BytesAt(_table + (_geometry.EntryOfBlock(block) * BatEntry.Size));
            int count = (int)Math.Min(Math.Min(beforeBitmap, last - block), bytes.Length / BatEntry.Size);
            for (int i = 0; i < count; i++, block++)
            {
                var entry = new BatEntry(BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(i * BatEntry.Size)));
                expected += (ulong)_geometry.BlockSize;
                bool isLike = entry.State == first.State
                    ? !first.HasData || entry.Offset == expected
                    : first.IsZero && entry.IsZero;
                if (!isLike)
                    return block * _geometry.BlockSize;
            }
        }

        return block * _geometry.BlockSize;
    }

    /// <summary>
    /// A run of data, as much of it as the file has. QEMU ends the files of fixed disks where the disk ends, against the rule
    /// that files grow by whole blocks.
    /// </summary>
    private Run DataRun(long host, long length, BatEntry entry, long entryOffset)
    {
        long inFile = FileLength(host + length) - host;
        return inFile > 0 ? new Run(ExtentKind.Data, Math.Min(length, inFile), new HostOffset(host)) : throw Corrupt(BeyondEnd, entryOffset, entry);
    }

    /// <summary>Where a block lies, if that is a place where one may lie.</summary>
    /// <param name="entry">Its entry.</param>
    /// <param name="size">Bytes that nothing else may lie in.</param>
    /// <param name="entryOffset">Where the entry stands.</param>
    private FileRange RangeOf(BatEntry entry, int size, long entryOffset)
    {
        if (entry.Offset < VhdxGeometry.Megabyte || entry.Offset > (ulong)(long.MaxValue - size))
            throw Corrupt("a block lies in the headers, or further out than a file reaches", entryOffset, entry);
        var range = new FileRange((long)entry.Offset, size);
        if (FirstReserved(range.Offset) < range.End)
            throw Corrupt("a block overlaps a region or the log", entryOffset, entry);
        return range;
    }

    /// <summary>How much of a run of blocks lies within the file and before what blocks must not overlap; whole blocks, at least one.</summary>
    private long SoundLength(long offset, long length)
    {
        long end = offset + Math.Min(length, long.MaxValue - offset);
        end = Math.Min(Math.Min(end, FileLength(end)), FirstReserved(offset));
        return Math.Max(_geometry.BlockSize, (end - offset) / _geometry.BlockSize * _geometry.BlockSize);
    }

    /// <summary>Where the first reserved range starts that does not end before an offset.</summary>
    private long FirstReserved(long offset)
    {
        foreach (FileRange range in _reserved)
        {
            if (range.End > offset)
                return range.Offset;
        }

        return long.MaxValue;
    }

    /// <summary>The file's length, asked for anew where it would not do: whoever has the file open may be adding to it.</summary>
    private long FileLength(long needed)
    {
        if (needed > Volatile.Read(ref _fileLength))
            Volatile.Write(ref _fileLength, _storage.Length);
        return Volatile.Read(ref _fileLength);
    }

    private DiskImageException Corrupt(string rule, long offset, BatEntry entry)
        => VhdxFault.Corrupt(_storage.Path, rule, "block allocation table entry", offset, entry.Value);
}
