using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>The metadata region (MS-VHDX 2.6): a table of items, and what the known ones say of the disk.</summary>
internal sealed class VhdxMetadata
{
    /// <summary>Bytes of the table; items lie behind it.</summary>
    internal const int TableSize = 64 << 10;

    private const ulong Signature = 0x617461646174656d; // "metadata"
    private const int EntrySize = 32;
    private const int MaximumEntries = 2047;
    private const int MaximumItemLength = 1 << 20;
    private const uint IsUser = 1;
    private const uint IsVirtualDisk = 2;
    private const uint IsRequired = 4;
    private const uint LeaveBlocksAllocated = 1;
    private const uint HasParentFlag = 2;

    internal required VhdxGeometry Geometry { get; init; }

    /// <summary>Whether blocks stay allocated for good, as they do in a fixed image.</summary>
    internal bool IsFixed { get; init; }

    internal uint PhysicalSectorSize { get; init; } = 4096;

    /// <summary>What the guest sees as its disk's identity (SCSI page 83).</summary>
    internal Guid VirtualDiskId { get; init; }

    /// <summary>Null where the image rests on no other.</summary>
    internal VhdxParentLocator? Parent { get; init; }

    /// <summary>Reads the region.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt; UnsupportedFeature for a required item that is unknown.</exception>
    internal static VhdxMetadata Read(BlockStorage storage, FileRange region) => new Reader(storage, region).Read();

    /// <summary>Table and items, from the start of the region on.</summary>
    internal byte[] ToBytes()
    {
        uint flags = (IsFixed ? LeaveBlocksAllocated : 0) | (Parent is null ? 0 : HasParentFlag);
        byte[] parameters = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(parameters, Geometry.BlockSize);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(4), flags);
        byte[] size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, Geometry.Size);
        byte[] logical = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(logical, Geometry.LogicalSectorSize);
        byte[] physical = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(physical, PhysicalSectorSize);
        var items = new List<(Guid Id, uint Flags, byte[] Bytes)>
        {
            (VhdxIds.FileParameters, IsRequired, parameters),
            (VhdxIds.VirtualDiskSize, IsVirtualDisk | IsRequired, size),
            (VhdxIds.VirtualDiskId, IsVirtualDisk | IsRequired, VirtualDiskId.ToByteArray()),
            (VhdxIds.LogicalSectorSize, IsVirtualDisk | IsRequired, logical),
            (VhdxIds.PhysicalSectorSize, IsVirtualDisk | IsRequired, physical),
        };
        if (Parent is not null)
            items.Add((VhdxIds.ParentLocator, IsRequired, Parent.ToBytes()));
        return Pack(items);
    }

    private static byte[] Pack(List<(Guid Id, uint Flags, byte[] Bytes)> items)
    {
        byte[] bytes = new byte[TableSize + items.Sum(item => item.Bytes.Length)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Signature);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(10), (ushort)items.Count);
        int at = TableSize;
        Span<byte> entry = bytes.AsSpan(EntrySize);
        foreach ((Guid id, uint flags, byte[] item) in items)
        {
            VhdxIds.Write(id, entry);
            BinaryPrimitives.WriteInt32LittleEndian(entry.Slice(16), at);
            BinaryPrimitives.WriteInt32LittleEndian(entry.Slice(20), item.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry.Slice(24), flags);
            item.CopyTo(bytes, at);
            at += item.Length;
            entry = entry.Slice(EntrySize);
        }

        return bytes;
    }

    /// <summary>Reads one region; the items are found first, then asked for by name.</summary>
    private sealed class Reader(BlockStorage storage, FileRange region)
    {
        private static readonly HashSet<Guid> Known =
        [
            VhdxIds.FileParameters, VhdxIds.VirtualDiskSize, VhdxIds.VirtualDiskId,
            VhdxIds.LogicalSectorSize, VhdxIds.PhysicalSectorSize, VhdxIds.ParentLocator,
        ];

        private readonly Dictionary<Guid, FileRange> _items = [];

        internal VhdxMetadata Read()
        {
            FindItems();
            byte[] parameters = Item(VhdxIds.FileParameters, "File Parameters", 8);
            uint blockSize = BinaryPrimitives.ReadUInt32LittleEndian(parameters);
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(parameters.AsSpan(4));
            if (!VhdxGeometry.IsBlockSize(blockSize))
                throw Corrupt("the block size is not a power of two from 1 MiB to 256 MiB", "File Parameters", VhdxIds.FileParameters, blockSize);
            uint logical = SectorSize(VhdxIds.LogicalSectorSize, "Logical Sector Size");
            var geometry = new VhdxGeometry(DiskSize(logical), (int)blockSize, (int)logical);
            bool hasParent = (flags & HasParentFlag) != 0;
            return new VhdxMetadata
            {
                Geometry = geometry,
                IsFixed = !hasParent && (flags & LeaveBlocksAllocated) != 0,
                PhysicalSectorSize = SectorSize(VhdxIds.PhysicalSectorSize, "Physical Sector Size"),
                VirtualDiskId = VhdxIds.Read(Item(VhdxIds.VirtualDiskId, "Virtual Disk ID", VhdxIds.Size)),
                Parent = hasParent ? ReadParent() : null,
            };
        }

        private long DiskSize(uint sectorSize)
        {
            ulong size = BinaryPrimitives.ReadUInt64LittleEndian(Item(VhdxIds.VirtualDiskSize, "Virtual Disk Size", 8));
            if (size > VhdxGeometry.MaximumSize)
                throw Corrupt("the disk is larger than 64 TiB", "Virtual Disk Size", VhdxIds.VirtualDiskSize, size);
            if (size % sectorSize != 0)
                throw Corrupt("the size of the disk is not a multiple of its logical sector size", "Virtual Disk Size", VhdxIds.VirtualDiskSize, size);
            return (long)size;
        }

        private uint SectorSize(Guid id, string name)
        {
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(Item(id, name, 4));
            return VhdxGeometry.IsSectorSize(value) ? value : throw Corrupt("the sector size is neither 512 nor 4096", name, id, value);
        }

        private VhdxParentLocator ReadParent()
        {
            if (!_items.TryGetValue(VhdxIds.ParentLocator, out FileRange range))
                throw VhdxFault.Corrupt(storage.Path, "the image has a parent, but no parent locator", "metadata table", region.Offset);
            return VhdxParentLocator.Parse(Load(range), storage.Path, range.Offset);
        }

        private void FindItems()
        {
            byte[] table = Load(new FileRange(region.Offset, TableSize));
            if (BinaryPrimitives.ReadUInt64LittleEndian(table) != Signature)
                throw VhdxFault.Corrupt(storage.Path, "the signature 'metadata' is missing", "metadata table", region.Offset, BinaryPrimitives.ReadUInt64LittleEndian(table));
            int count = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(10));
            if (count > MaximumEntries)
                throw VhdxFault.Corrupt(storage.Path, "a metadata table has at most 2047 entries", "metadata table field EntryCount", region.Offset + 10, (ulong)count);
            var seen = new HashSet<(Guid, bool)>();
            var used = new List<FileRange>();
            for (int i = 1; i <= count; i++)
                AddItem(table.AsSpan(i * EntrySize, EntrySize), region.Offset + (i * EntrySize), seen, used);
            RequireApart(used);
        }

        private void AddItem(ReadOnlySpan<byte> entry, long offset, HashSet<(Guid, bool)> seen, List<FileRange> used)
        {
            Guid id = VhdxIds.Read(entry);
            uint start = BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(16));
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(20));
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(entry.Slice(24));
            bool isUser = (flags & IsUser) != 0;
            bool isKnown = !isUser && Known.Contains(id);
            if ((flags & IsRequired) != 0 && !isKnown)
                throw VhdxFault.Unsupported(storage.Path, $"the image needs a metadata item of an unknown kind, {id}", "metadata table entry", offset);
            if (!seen.Add((id, isUser)))
                throw VhdxFault.Corrupt(storage.Path, $"the metadata item {id} is listed twice", "metadata table entry", offset);
            bool isEmpty = length == 0 && start == 0;
            if (!isEmpty && (start < TableSize || length is 0 or > MaximumItemLength || start > region.Length - length))
                throw VhdxFault.Corrupt(storage.Path, $"the metadata item {id} does not lie within the region, behind the table", "metadata table field Offset", offset + 16, start);
            var range = new FileRange(region.Offset + start, length);
            if (!isEmpty)
                used.Add(range);
            if (isKnown)
                _items.Add(id, range);
        }

        private void RequireApart(List<FileRange> used)
        {
            used.Sort((a, b) => a.Offset.CompareTo(b.Offset));
            for (int i = 1; i < used.Count; i++)
            {
                if (used[i - 1].End > used[i].Offset)
                    throw VhdxFault.Corrupt(storage.Path, "two metadata items overlap", "metadata item", used[i].Offset);
            }
        }

        private byte[] Item(Guid id, string name, int length)
        {
            if (!_items.TryGetValue(id, out FileRange range))
                throw VhdxFault.Corrupt(storage.Path, $"the metadata item {name} is missing", "metadata table", region.Offset);
            if (range.Length != length)
                throw Corrupt($"the metadata item {name} does not have {length} bytes", name, id, (ulong)range.Length);
            return Load(range);
        }

        private byte[] Load(FileRange range)
        {
            byte[] bytes = new byte[range.Length];
            storage.ReadOrZero(range.Offset, bytes);
            return bytes;
        }

        private DiskImageException Corrupt(string rule, string item, Guid id, ulong value)
            => VhdxFault.Corrupt(storage.Path, rule, "metadata item " + item, _items[id].Offset, value);
    }
}
