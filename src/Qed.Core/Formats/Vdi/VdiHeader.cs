using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Linq;
using System.Text;
using Qed.Storage;

namespace Qed.Formats.Vdi;

/// <summary>The header of a VDI image, version 1.1. Numbers are little-endian.</summary>
internal sealed record VdiHeader
{
    /// <summary>The short name of the format.</summary>
    internal const string FormatName = "vdi";

    /// <summary>Bytes up to the end of the parent's id, which every header of version 1.1 has.</summary>
    internal const int Size = 0x1c8;

    internal const int SectorSize = 512;
    internal const int SignatureOffset = 0x40;
    internal const int DefaultBlockSize = 1 << 20;

    // The fields counted by the header's own size start here.
    private const int FieldsOffset = 0x48;
    private const uint Version11 = 0x00010001;
    private const int SmallestBlock = 4096;
    private const int LargestBlock = 1 << 28;

    /// <summary>0xbeda107f as it stands in the file.</summary>
    internal static readonly byte[] Signature = [0x7f, 0x10, 0xda, 0xbe];

    private static readonly byte[] Title = Encoding.ASCII.GetBytes("<<< Qed Virtual Disk Image >>>\n");

    internal required VdiImageType Type { get; init; }

    internal required long MapOffset { get; init; }

    internal required long DataOffset { get; init; }

    /// <summary>Bytes of the guest's disk.</summary>
    internal required long DiskSize { get; init; }

    internal required int BlockSize { get; init; }

    /// <summary>Entries of the map.</summary>
    internal required long Blocks { get; init; }

    /// <summary>Blocks that the file holds.</summary>
    internal required long AllocatedBlocks { get; init; }

    /// <summary>Reads and checks the header of a file.</summary>
    /// <exception cref="DiskImageException">ImageNotRecognized, ImageCorrupt, or UnsupportedFeature.</exception>
    internal static VdiHeader Read(BlockStorage storage)
    {
        byte[] bytes = new byte[Size];
        int read = storage.Read(0, bytes);
        if (read < SignatureOffset + Signature.Length || !bytes.AsSpan(SignatureOffset, Signature.Length).SequenceEqual(Signature))
            throw new DiskImageException(ErrorKind.ImageNotRecognized, "the signature of a VDI image is missing", storage.Path);
        var fields = new FieldReader(bytes, storage.Path);
        if (read < Size)
            throw fields.Corrupt("the file ends within the header", FieldsOffset, (ulong)read);
        RequireSupported(fields);
        var header = new VdiHeader
        {
            Type = (VdiImageType)fields.UInt32(0x4c),
            MapOffset = fields.UInt32(0x154),
            DataOffset = fields.UInt32(0x158),
            DiskSize = BitConverter.ToInt64(fields.Raw(0x170, 8), 0),
            BlockSize = (int)fields.UInt32(0x178),
            Blocks = fields.UInt32(0x180),
            AllocatedBlocks = fields.UInt32(0x184),
        };
        header.RequireSound(fields, storage.Length);
        return header;
    }

    /// <summary>Writes the header of a fresh image, with new ids.</summary>
    /// <param name="bytes">At least <see cref="Size"/> bytes, all zero.</param>
    internal void Write(Span<byte> bytes)
    {
        Title.CopyTo(bytes);
        Signature.CopyTo(bytes.Slice(SignatureOffset));
        Put(bytes, 0x44, Version11);
        Put(bytes, FieldsOffset, Size - FieldsOffset);
        Put(bytes, 0x4c, (uint)Type);
        Put(bytes, 0x154, (uint)MapOffset);
        Put(bytes, 0x158, (uint)DataOffset);
        Put(bytes, 0x168, SectorSize);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.Slice(0x170), DiskSize);
        Put(bytes, 0x178, (uint)BlockSize);
        Put(bytes, 0x180, (uint)Blocks);
        Put(bytes, 0x184, (uint)AllocatedBlocks);
        Guid.NewGuid().ToByteArray().CopyTo(bytes.Slice(0x188));
        Guid.NewGuid().ToByteArray().CopyTo(bytes.Slice(0x198));
    }

    private static void Put(Span<byte> bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.Slice(offset), value);

    private static void RequireSupported(FieldReader fields)
    {
        uint version = fields.UInt32(0x44);
        if (version != Version11)
            throw fields.Unsupported($"version {version >> 16}.{version & 0xffff} of the format", 0x44, version);
        uint type = fields.UInt32(0x4c);
        if (type is (uint)VdiImageType.Undo or (uint)VdiImageType.Differencing)
            throw fields.Unsupported($"a VDI image that rests on another one ({(VdiImageType)type})", 0x4c, type);
        if (type is not ((uint)VdiImageType.Dynamic or (uint)VdiImageType.Static))
            throw fields.Corrupt("the image type does not exist", 0x4c, type);
        if (fields.Raw(0x1a8, 32).Any(part => part != 0))
            throw fields.Unsupported("a VDI image that rests on another one (its link or parent id is set)", 0x1a8, null);
        if (fields.UInt32(0x17c) is not 0 and var extra)
            throw fields.Unsupported("extra data before every block", 0x17c, extra);
        if (fields.UInt32(0x168) is not (0 or SectorSize) and var sector)
            throw fields.Unsupported("sectors of another size than 512 bytes", 0x168, sector);
    }

    private void RequireSound(FieldReader fields, long fileLength)
    {
        uint headerSize = fields.UInt32(FieldsOffset);
        if (headerSize < Size - FieldsOffset || headerSize > MapOffset - FieldsOffset)
            throw fields.Corrupt("the header must have at least 0x180 bytes and end before the block map", FieldsOffset, headerSize);
        if (BlockSize < SmallestBlock || BlockSize > LargestBlock || (BlockSize & (BlockSize - 1)) != 0)
            throw fields.Corrupt("the block size must be a power of two from 4 KiB to 256 MiB", 0x178, (uint)BlockSize);
        if (DiskSize < 0 || BlockLayout.CountFor(DiskSize, BlockSize) > Blocks)
            throw fields.Corrupt("the block map is too short for the disk's size", 0x170, (ulong)DiskSize);
        if (MapOffset % SectorSize != 0 || MapOffset + (Blocks * BlockTable.EntrySize) > fileLength)
            throw fields.Corrupt("the block map must start at a sector and lie within the file", 0x154, (ulong)MapOffset);
        if (DataOffset % SectorSize != 0 || DataOffset < MapOffset + (Blocks * BlockTable.EntrySize))
            throw fields.Corrupt("the data must start at a sector behind the block map", 0x158, (ulong)DataOffset);
    }

    private readonly struct FieldReader(byte[] bytes, string path)
    {
        internal uint UInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

        internal byte[] Raw(int offset, int length) => bytes.AsSpan(offset, length).ToArray();

        internal DiskImageException Corrupt(string rule, int offset, ulong value)
            => new(ErrorKind.ImageCorrupt, rule, path) { Structure = "VDI header", Offset = offset, Value = value };

        internal DiskImageException Unsupported(string what, int offset, ulong? value)
            => new(ErrorKind.UnsupportedFeature, string.Format(CultureInfo.InvariantCulture, "{0} is not supported", what), path)
            {
                Structure = "VDI header",
                Offset = offset,
                Value = value,
            };
    }
}
