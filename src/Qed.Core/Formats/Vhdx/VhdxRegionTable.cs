using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>The region table (MS-VHDX 2.2.3), of which there are two equal copies: where the block table and the metadata lie.</summary>
internal sealed class VhdxRegionTable
{
    internal const int Size = 64 << 10;
    internal const long FirstOffset = 192 << 10;
    internal const long SecondOffset = 256 << 10;

    private const uint Signature = 0x69676572; // "regi"
    private const int HeaderSize = 16;
    private const int EntrySize = 32;
    private const int MaximumEntries = 2047;

    private readonly List<FileRange> _reserved = [];

    private VhdxRegionTable(FileRange log)
    {
        _reserved.Add(new FileRange(0, VhdxGeometry.Megabyte));
        if (log.Length > 0)
            _reserved.Add(log);
    }

    /// <summary>Where the block allocation table lies.</summary>
    internal FileRange BlockTable { get; private set; }

    /// <summary>Where the metadata lies.</summary>
    internal FileRange Metadata { get; private set; }

    /// <summary>All that blocks must not overlap, in order: the headers, the log and the regions.</summary>
    internal IReadOnlyList<FileRange> Reserved => _reserved;

    /// <summary>Reads the table from its first intact copy.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt; UnsupportedFeature for a required region that is unknown.</exception>
    internal static VhdxRegionTable Read(BlockStorage storage, VhdxHeader header)
    {
        byte[] first = new byte[Size];
        byte[] second = new byte[Size];
        storage.ReadOrZero(FirstOffset, first);
        storage.ReadOrZero(SecondOffset, second);
        bool hasFirst = IsIntact(first);
        bool hasSecond = IsIntact(second);
        if (!hasFirst && !hasSecond)
            throw VhdxFault.Corrupt(storage.Path, "neither of the two region tables is intact: their signatures or checksums are wrong", "region table", FirstOffset);
        if (hasFirst && hasSecond && !first.AsSpan().SequenceEqual(second))
            throw VhdxFault.Corrupt(storage.Path, "the two region tables are intact and differ", "region table", SecondOffset);
        var table = new VhdxRegionTable(header.Log);
        table.Parse(hasFirst ? first : second, hasFirst ? FirstOffset : SecondOffset, storage.Path);
        table.RequireLayout(storage);
        return table;
    }

    /// <summary>The table of an image that has the two regions that each one needs.</summary>
    internal static byte[] ToBytes(FileRange blockTable, FileRange metadata)
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Signature);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), 2);
        WriteEntry(bytes.AsSpan(HeaderSize), VhdxIds.BlockTableRegion, blockTable);
        WriteEntry(bytes.AsSpan(HeaderSize + EntrySize), VhdxIds.MetadataRegion, metadata);
        VhdxChecksum.Set(bytes);
        return bytes;
    }

    private static void WriteEntry(Span<byte> entry, Guid id, FileRange region)
    {
        VhdxIds.Write(id, entry);
        BinaryPrimitives.WriteInt64LittleEndian(entry.Slice(16), region.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.Slice(24), checked((uint)region.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(entry.Slice(28), 1);
    }

    private static bool IsIntact(ReadOnlySpan<byte> bytes)
        => BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Signature && VhdxChecksum.IsValid(bytes);

    private void Parse(ReadOnlySpan<byte> bytes, long offset, string path)
    {
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(8));
        if (count > MaximumEntries)
            throw VhdxFault.Corrupt(path, "a region table has at most 2047 entries", "region table field EntryCount", offset + 8, count);
        var seen = new HashSet<Guid>();
        for (int i = 0; i < count; i++)
        {
            int at = HeaderSize + (i * EntrySize);
            ReadOnlySpan<byte> entry = bytes.Slice(at, EntrySize);
            Guid id = VhdxIds.Read(entry);
            if (!seen.Add(id))
                throw VhdxFault.Corrupt(path, $"the region {id} is listed twice", "region table entry", offset + at);
            Place(id, entry, path, offset + at);
        }

        if (BlockTable.Length == 0)
            throw VhdxFault.Corrupt(path, "the region table lists no block allocation table", "region table", offset);
        if (Metadata.Length == 0)
            throw VhdxFault.Corrupt(path, "the region table lists no metadata region", "region table", offset);
    }

    private void Place(Guid id, ReadOnlySpan<byte> entry, string path, long offset)
    {
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(entry.Slice(16));
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(24));
        bool isRequired = (BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(28)) & 1) != 0;
        bool isKnown = id == VhdxIds.BlockTableRegion || id == VhdxIds.MetadataRegion;
        if (isRequired && !isKnown)
            throw VhdxFault.Unsupported(path, $"the image needs a region of an unknown kind, {id}", "region table entry", offset);
        if (start < VhdxGeometry.Megabyte || start % VhdxGeometry.Megabyte != 0 || start > (ulong)long.MaxValue - length)
            throw VhdxFault.Corrupt(path, $"the region {id} does not lie at a multiple of 1 MiB behind the headers", "region table field FileOffset", offset + 16, start);
        if (length == 0 || length % VhdxGeometry.Megabyte != 0)
            throw VhdxFault.Corrupt(path, $"the length of the region {id} is not a multiple of 1 MiB", "region table field Length", offset + 24, length);
        var range = new FileRange((long)start, length);
        _reserved.Add(range);
        if (id == VhdxIds.BlockTableRegion)
            BlockTable = range;
        else if (id == VhdxIds.MetadataRegion)
            Metadata = range;
    }

    private void RequireLayout(BlockStorage storage)
    {
        _reserved.Sort((a, b) => a.Offset.CompareTo(b.Offset));
        foreach ((FileRange before, FileRange after) in _reserved.Zip(_reserved.Skip(1), (a, b) => (a, b)))
        {
            if (before.End > after.Offset)
                throw VhdxFault.Corrupt(storage.Path, "two regions, or a region and the log, overlap", "region", after.Offset);
        }

        long length = storage.Length;
        foreach ((FileRange region, string name) in new[] { (BlockTable, "block allocation table"), (Metadata, "metadata region") })
        {
            if (region.End > length)
                throw VhdxFault.Corrupt(storage.Path, $"the {name} lies beyond the end of the file: it is cut off", name, region.Offset, (ulong)region.Length);
        }
    }
}
