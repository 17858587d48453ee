using System;
using System.Buffers.Binary;
using System.Globalization;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>The header of a disk that is not fixed ("Dynamic Disk Header Format"). Numbers are big-endian.</summary>
internal sealed record VhdDynamicHeader
{
    internal const int Size = 1024;
    internal const int MostLocators = 8;
    internal const int DefaultBlockSize = 2 << 20;
    internal const int MostNameBytes = 512;

    private const uint Version1 = 0x00010000;
    private const int ChecksumOffset = 36;
    private const int ParentNameOffset = 64;
    private const int LocatorsOffset = 576;
    private const int SmallestBlock = 4096;
    private const int LargestBlock = 1 << 28;

    /// <summary>Host offset of the block allocation table.</summary>
    internal required long TableOffset { get; init; }

    /// <summary>Entries of the block allocation table.</summary>
    internal required long Blocks { get; init; }

    internal required int BlockSize { get; init; }

    internal Guid ParentId { get; init; }

    /// <summary>When the parent was last changed; zero where that was not noted.</summary>
    internal uint ParentTimeStamp { get; init; }

    internal string ParentName { get; init; } = string.Empty;

    internal VhdParentLocator[] Locators { get; init; } = [];

    /// <summary>Bytes of the bitmap before a block's data.</summary>
    internal int BitmapSize => BitmapSizeFor(BlockSize);

    /// <summary>The cookie of the header.</summary>
    internal static ReadOnlySpan<byte> Cookie => "cxsparse"u8;

    /// <summary>A bit for each sector of a block, in whole sectors.</summary>
    internal static int BitmapSizeFor(int blockSize)
        => Math.Max(VhdFooter.SectorSize, blockSize / VhdFooter.SectorSize / 8);

    /// <summary>Reads and checks the header of a file.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt or UnsupportedFeature.</exception>
    internal static VhdDynamicHeader Read(BlockStorage storage, VhdFooter footer)
    {
        var fields = new FieldReader(storage, footer.DataOffset);
        uint version = fields.UInt32(24);
        if (version >> 16 != Version1 >> 16)
            throw fields.Unsupported($"version {(version >> 16).ToString(CultureInfo.InvariantCulture)} of the dynamic disk header", 24, version);
        uint blockSize = fields.UInt32(32);
        if (blockSize == 0 || (blockSize & (blockSize - 1)) != 0)
            throw fields.Corrupt("the block size must be a power of two", 32, blockSize);
        if (blockSize is < SmallestBlock or > LargestBlock)
            throw fields.Unsupported("a block size that is not from 4 KiB to 256 MiB", 32, blockSize);
        long blocks = fields.UInt32(28);
        if (BlockLayout.CountFor(footer.DiskSize, blockSize) > blocks)
            throw fields.Corrupt("the block allocation table is too short for the disk's size", 28, (ulong)blocks);
        long tableOffset = fields.Int64(16);
        if (tableOffset < 0 || tableOffset % VhdFooter.SectorSize != 0 || tableOffset > storage.Length - (blocks * BlockTable.EntrySize))
            throw fields.Corrupt("the block allocation table must start at a sector and lie within the file", 16, (ulong)tableOffset);
        return new VhdDynamicHeader
        {
            TableOffset = tableOffset,
            Blocks = blocks,
            BlockSize = (int)blockSize,
            ParentId = BigEndianGuid.Read(fields.Bytes(40, 16)),
            ParentTimeStamp = fields.UInt32(56),
            ParentName = Utf16.Decode(fields.Bytes(ParentNameOffset, MostNameBytes), isBigEndian: true),
            Locators = ReadLocators(fields),
        };
    }

    /// <summary>Writes the header of a fresh image.</summary>
    /// <param name="bytes"><see cref="Size"/> bytes, all zero.</param>
    internal void Write(Span<byte> bytes)
    {
        Cookie.CopyTo(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(8), VhdFooter.NoOffset);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(16), TableOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(24), Version1);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(28), (uint)Blocks);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(32), (uint)BlockSize);
        BigEndianGuid.Write(bytes.Slice(40), ParentId);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.Slice(56), ParentTimeStamp);
        Utf16.Encode(ParentName, isBigEndian: true).CopyTo(bytes.Slice(ParentNameOffset, MostNameBytes));
        for (int i = 0; i < Locators.Length; i++)
            Locators[i].Write(bytes.Slice(LocatorsOffset + (i * VhdParentLocator.Size)));
        VhdChecksum.Put(bytes.Slice(0, Size), ChecksumOffset);
    }

    private static VhdParentLocator[] ReadLocators(FieldReader fields)
    {
        var locators = new VhdParentLocator[MostLocators];
        for (int i = 0; i < MostLocators; i++)
            locators[i] = VhdParentLocator.Read(fields.Bytes(LocatorsOffset + (i * VhdParentLocator.Size), VhdParentLocator.Size));
        return locators;
    }

    private sealed class FieldReader
    {
        private readonly byte[] _bytes = new byte[Size];
        private readonly long _offset;
        private readonly string _path;

        internal FieldReader(BlockStorage storage, long offset)
        {
            _path = storage.Path;
            _offset = offset;
            if (offset < 0 || offset > storage.Length - Size || storage.Read(offset, _bytes) < Size)
                throw Corrupt("the dynamic disk header does not lie within the file", 0, (ulong)offset);
            if (!_bytes.AsSpan().StartsWith(Cookie))
                throw Corrupt("the cookie of the dynamic disk header is missing", 0, BinaryPrimitives.ReadUInt64BigEndian(_bytes));
            uint stored = VhdChecksum.Stored(_bytes, ChecksumOffset);
            if (VhdChecksum.Of(_bytes, ChecksumOffset) != stored)
                throw Corrupt("the checksum of the dynamic disk header is wrong", ChecksumOffset, stored);
        }

        internal uint UInt32(int offset) => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(offset));

        internal long Int64(int offset) => BinaryPrimitives.ReadInt64BigEndian(_bytes.AsSpan(offset));

        internal ReadOnlySpan<byte> Bytes(int offset, int length) => _bytes.AsSpan(offset, length);

        internal DiskImageException Corrupt(string rule, int offset, ulong value) => Fault(ErrorKind.ImageCorrupt, rule, offset, value);

        internal DiskImageException Unsupported(string what, int offset, ulong value)
            => Fault(ErrorKind.UnsupportedFeature, what + " is not supported", offset, value);

        private DiskImageException Fault(ErrorKind kind, string rule, int offset, ulong value) => new(kind, rule, _path)
        {
            Structure = "VHD dynamic disk header",
            Offset = _offset + offset,
            Value = value,
        };
    }
}
