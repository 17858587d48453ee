using System;
using System.Buffers.Binary;
using System.IO;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Targets;
using Qed.Tests.Formats.Vhd;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>
/// However long the tables that say all the same, one call looks at a bounded part of them and tells so far; whoever walks
/// the disk gets the whole of it. Each table here lies in a page of its own, which is the worst that an image can do.
/// </summary>
public sealed class BoundedLookupTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Page = 1 << 16;
    private const int Tables = 200;
    private const long MostBytesEachCall = 6 * MiB;

    private readonly TempFolder _folder = new();

    public BoundedLookupTests() => ThreadReads.Require();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Grain_tables_of_a_VMDK()
    {
        string path = Make("vmdk", new TargetOptions { Size = Tables * 4L * MiB, ClusterSize = 8192 });
        byte[] image = File.ReadAllBytes(path);
        foreach (int field in new[] { 48, 56 })
        {
            int directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(field)) * 512;
            for (int i = 0; i < Tables; i++)
                image.With(directory + (4 * i), (uint)((image.Length / Page) + 1 + i) * (Page / 512));
        }

        Write(path, image, ((image.Length / Page) + 1 + Tables) * (long)Page);
        AssertBounded(path, ExtentKind.Unallocated);
    }

    [Fact]
    public void L2_tables_of_a_qcow2_image()
    {
        string path = Make("qcow2", new TargetOptions { Size = Tables * 32768L, ClusterSize = 512 });
        byte[] image = File.ReadAllBytes(path);
        PlaceL2Tables(image);
        Write(path, image, ((Tables + 1) * (long)Page) + Page);
        AssertBounded(path, ExtentKind.Unallocated);
    }

    [Fact]
    public void Compressed_clusters_of_a_qcow2_image()
    {
        string path = Make("qcow2", new TargetOptions { Size = Tables * 32768L, ClusterSize = 512 });
        byte[] image = File.ReadAllBytes(path);
        PlaceL2Tables(image);
        Write(path, image, ((Tables + 1) * (long)Page) + Page);
        byte[] table = new byte[512];
        for (int i = 0; i < table.Length; i += 8)
            BinaryPrimitives.WriteUInt64BigEndian(table.AsSpan(i), (1UL << 62) | 4096);
        using (FileStream file = File.OpenWrite(path))
        {
            for (int i = 1; i <= Tables; i++)
                RandomAccess.Write(file.SafeFileHandle, table, (long)i * Page);
        }

        AssertBounded(path, ExtentKind.Data);
    }

    [Fact]
    public void The_L1_table_of_a_qcow2_image()
    {
        const int Entries = 2 << 20;
        string path = Make("qcow2", new TargetOptions { Size = MiB, ClusterSize = 512 });
        byte[] image = File.ReadAllBytes(path);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(24), Entries * 32768L);
        BinaryPrimitives.WriteUInt32BigEndian(image.AsSpan(36), Entries);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(40), MiB);
        Write(path, image, MiB + (Entries * 8L));
        AssertBounded(path, ExtentKind.Unallocated);
    }

    [Theory]
    [InlineData(Subformat.Dynamic, ExtentKind.Unallocated)]
    [InlineData(Subformat.Fixed, ExtentKind.Zero)]
    public void The_block_table_of_a_VHDX(Subformat subformat, ExtentKind kind)
        => AssertBounded(Make("vhdx", new TargetOptions { Size = 1L << 40, ClusterSize = MiB, Subformat = subformat }), kind);

    [Fact]
    public void The_block_table_of_a_VHD()
    {
        const int Blocks = 2 << 20;
        AssertBounded(WriteVhd(blockSize: 4096, Blocks, firstBlock: 0, stride: 0, end: 2048 + (Blocks * 4L)), ExtentKind.Unallocated);
    }

    [Fact]
    public void The_sector_bitmaps_of_a_VHD()
        => AssertBounded(WriteVhd(blockSize: 256 * MiB, Tables, firstBlock: Page, stride: Page, end: (Tables + 1L) * Page), ExtentKind.Unallocated);

    [Fact]
    public void The_block_map_of_a_VDI_image()
    {
        const int Blocks = 2 << 20;
        const uint DataOffset = MiB + (Blocks * 4);
        string path = Make("vdi", new TargetOptions { Size = MiB });
        byte[] image = File.ReadAllBytes(path).With(0x154, MiB).With(0x158, DataOffset).With(0x170, Blocks * 4096UL).With(0x178, 4096u).With(0x180, (uint)Blocks);
        byte[] whole = Patterns.Filled((int)DataOffset, 0xff);
        image.AsSpan(0, 512).CopyTo(whole);
        File.WriteAllBytes(path, whole);
        AssertBounded(path, ExtentKind.Unallocated);
    }

    [Fact]
    public void L2_tables_of_a_QED_image()
    {
        string path = _folder["image.qed"];
        using (var image = new CraftedImage(path, Page, 1, Tables * (8192L * Page)))
        {
            for (int i = 0; i < Tables; i++)
                image.L1(i, image.At(image.FirstFree + i));
            image.SetClusters(image.FirstFree + Tables);
        }

        AssertBounded(path, ExtentKind.Unallocated);
    }

    private static void AssertBounded(string path, ExtentKind kind)
    {
        using (DiskImage image = OpenImage.ForReading(path))
        {
            Extent first = default;
            Assert.InRange(ThreadReads.During(() => first = image.GetExtent(new GuestOffset(0), image.Length)), 1, MostBytesEachCall);
            Assert.Equal(kind, first.Kind);
            Assert.InRange(first.Length, 1, image.Length - 1);
        }

        MappedExtent all = Assert.Single(MapImage.Run(new MapImageOptions { Path = path }));
        Assert.Equal((0, Describe.Of(path).Size, kind), (all.Offset, all.Length, all.Kind));
    }

    /// <summary>An empty image, as our own writer lays it out.</summary>
    private string Make(string format, TargetOptions options)
    {
        string path = _folder["image." + format];
        using Destination file = Destination.Begin(path, overwrite: false);
        using (ImageWriter writer = FormatRegistry.ByName(format).CreateWriter(file, options))
            writer.Complete();
        file.Finish(ProgressMeter.Silent, default);
        file.Commit();
        return path;
    }

    /// <summary>Writes the start of a file, the rest of which is a hole.</summary>
    private static void Write(string path, byte[] start, long length)
    {
        using FileStream file = SparseFile.Create(path, length);
        file.Write(start);
    }

    private static void PlaceL2Tables(byte[] image)
    {
        int l1 = (int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(40));
        for (int i = 0; i < Tables; i++)
            BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(l1 + (8 * i)), (ulong)(i + 1) * Page);
    }

    /// <summary>A dynamic VHD without data: blocks at a distance from each other, or none where that is zero.</summary>
    private string WriteVhd(int blockSize, int blocks, long firstBlock, long stride, long end)
    {
        string path = Make("vhd", new TargetOptions { Size = MiB });
        byte[] image = VhdBytes.WithFooter(File.ReadAllBytes(path), footer =>
        {
            BinaryPrimitives.WriteUInt64BigEndian(footer.Span[40..], (ulong)blockSize * (ulong)blocks);
            BinaryPrimitives.WriteUInt64BigEndian(footer.Span[48..], (ulong)blockSize * (ulong)blocks);
        });
        image = VhdBytes.WithHeader(image, header =>
        {
            BinaryPrimitives.WriteUInt64BigEndian(header.Span[16..], 1536);
            BinaryPrimitives.WriteUInt32BigEndian(header.Span[28..], (uint)blocks);
            BinaryPrimitives.WriteUInt32BigEndian(header.Span[32..], (uint)blockSize);
        });
        byte[] table = Patterns.Filled(blocks * 4, 0xff);
        for (int i = 0; stride > 0 && i < blocks; i++)
            BinaryPrimitives.WriteUInt32BigEndian(table.AsSpan(i * 4), (uint)((firstBlock + (i * stride)) / 512));
        using FileStream file = File.Create(path);
        file.Write(image.AsSpan(0, 1536));
        file.Write(table);
        RandomAccess.Write(file.SafeFileHandle, image.AsSpan(0, 512), end);
        return path;
    }
}
