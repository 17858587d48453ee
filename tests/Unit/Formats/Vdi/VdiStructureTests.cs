using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vdi;

/// <summary>The header and the block map of VDI images, as written, as read, and broken.</summary>
public sealed class VdiStructureTests : IDisposable
{
    private const int Map = 0x200;
    private static readonly byte[] Disk = Patterns.Random((3 << 20) + 512, 8);
    private static readonly byte[] Dynamic = Make(Disk);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0x44, 0x00000001U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x44, 0x00020000U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x48, 0x100U, ErrorKind.ImageCorrupt)]
    [InlineData(0x48, 0x1b9U, ErrorKind.ImageCorrupt)]
    [InlineData(0x48, uint.MaxValue, ErrorKind.ImageCorrupt)]
    [InlineData(0x4c, 0U, ErrorKind.ImageCorrupt)]
    [InlineData(0x4c, 5U, ErrorKind.ImageCorrupt)]
    [InlineData(0x4c, 3U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x4c, 4U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x154, 0x100U, ErrorKind.ImageCorrupt)]
    [InlineData(0x154, 0x201U, ErrorKind.ImageCorrupt)]
    [InlineData(0x154, 0xfffffe00U, ErrorKind.ImageCorrupt)]
    [InlineData(0x158, 0x200U, ErrorKind.ImageCorrupt)]
    [InlineData(0x158, 0x100001U, ErrorKind.ImageCorrupt)]
    [InlineData(0x168, 4096U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x174, 0x80000000U, ErrorKind.ImageCorrupt)]
    [InlineData(0x174, 0x7fffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(0x174, 1U, ErrorKind.ImageCorrupt)]
    [InlineData(0x178, 0U, ErrorKind.ImageCorrupt)]
    [InlineData(0x178, 3U << 20, ErrorKind.ImageCorrupt)]
    [InlineData(0x178, 512U, ErrorKind.ImageCorrupt)]
    [InlineData(0x178, 1U << 31, ErrorKind.ImageCorrupt)]
    [InlineData(0x17c, 512U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x180, 3U, ErrorKind.ImageCorrupt)]
    [InlineData(0x180, uint.MaxValue, ErrorKind.ImageCorrupt)]
    [InlineData(0x1a8, 1U, ErrorKind.UnsupportedFeature)]
    [InlineData(0x1c4, 1U, ErrorKind.UnsupportedFeature)]
    public void A_header_that_breaks_a_rule_is_named(int field, uint value, ErrorKind kind)
    {
        string path = Write(With(field, value));
        DiskImageException error = Assert.Throws<DiskImageException>(() => Describe.Of(path));
        Assert.Equal((kind, "VDI header"), (error.Kind, error.Structure));
    }

    [Theory]
    [InlineData(0x60)]
    [InlineData(0x1c0)]
    public void A_file_that_ends_in_the_header_is_corrupt(int length)
        => Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => Describe.Of(Write(Dynamic[..length]))).Kind);

    [Theory]
    [InlineData(4U)]
    [InlineData(0x7fffffffU)]
    [InlineData(0xfffffffdU)]
    public void A_block_beyond_the_file_is_corrupt_and_the_others_are_not(uint entry)
    {
        using DiskImage image = OpenImage.ForReading(Write(With(Map + 4, entry)));
        byte[] block = new byte[1 << 20];
        image.Read(0, block);
        Assert.Equal(Disk[..block.Length], block);
        DiskImageException error = Assert.Throws<DiskImageException>(() => image.Read(new GuestOffset(1 << 20), block));
        Assert.Equal((ErrorKind.ImageCorrupt, Map + 4, (ulong)entry), (error.Kind, error.Offset, error.Value));
        image.Read(new GuestOffset(2 << 20), block);
        Assert.Equal(Disk[(2 << 20)..(3 << 20)], block);
    }

    [Fact]
    public void A_larger_header_another_map_offset_and_out_of_order_blocks_are_read()
    {
        byte[] file = With(0x48, 0x190);
        byte[] moved = new byte[file.Length];
        file.CopyTo(moved, 0);
        moved.AsSpan(0x400, 16).Clear();
        foreach ((int block, uint entry) in new[] { (0, 2U), (1, 0xffffffffU), (2, 0xfffffffeU), (3, 0U) })
            BinaryPrimitives.WriteUInt32LittleEndian(moved.AsSpan(0x400 + (block * 4)), entry);
        BinaryPrimitives.WriteUInt32LittleEndian(moved.AsSpan(0x154), 0x400);
        string path = Write(moved);
        byte[] expected = new byte[Disk.Length];
        Disk.AsSpan(2 << 20, 1 << 20).CopyTo(expected);
        Disk.AsSpan(0, 512).CopyTo(expected.AsSpan(3 << 20));
        Assert.Equal(expected, TestImage.ReadAll(path));
        using DiskImage image = OpenImage.ForReading(path);
        Assert.Equal(
            [ExtentKind.Data, ExtentKind.Unallocated, ExtentKind.Zero, ExtentKind.Data],
            image.GetExtents(default(GuestOffset), image.Length).Select(extent => extent.Kind));
    }

    [Fact]
    public void Blocks_of_another_size_are_read()
    {
        // The same bytes, taken for blocks of 64 KiB of which two are left.
        byte[] file = With(0x178, 65536);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x170), 100_000 / 512 * 512);
        Assert.Equal(Disk[..(100_000 / 512 * 512)], TestImage.ReadAll(Write(file)));
    }

    [Fact]
    public void Contiguous_blocks_are_one_extent()
    {
        using DiskImage image = OpenImage.ForReading(Write(Dynamic));
        Extent extent = Assert.Single(image.GetExtents(default(GuestOffset), image.Length));
        Assert.Equal((ExtentKind.Data, new HostOffset(1 << 20)), (extent.Kind, extent.HostOffset));
        Extent part = image.GetExtent(new GuestOffset(700_000), 1_000_000);
        Assert.Equal((1_000_000, new HostOffset((1 << 20) + 700_000)), (part.Length, part.HostOffset));
    }

    [Fact]
    public void New_images_count_their_blocks_and_have_fresh_ids_and_no_parent()
    {
        byte[] disk = new byte[10 << 20];
        disk[5 << 20] = 1;
        disk[9 << 20] = 1;
        byte[] first = Make(disk);
        byte[] second = Make(disk);
        Assert.Equal(10U, BinaryPrimitives.ReadUInt32LittleEndian(first.AsSpan(0x180)));
        Assert.Equal(2U, BinaryPrimitives.ReadUInt32LittleEndian(first.AsSpan(0x184)));
        Assert.Equal(3 << 20, first.Length);
        Assert.Equal(4, new[] { first, second }.SelectMany(file => new[] { 0x188, 0x198 }.Select(at => new Guid(file.AsSpan(at, 16).ToArray()))).Distinct().Count());
        Assert.True(first.AsSpan(0x1a8, 32).IndexOfAnyExcept((byte)0) < 0);
        byte[] whole = Make(disk, Subformat.Fixed);
        Assert.Equal(11 << 20, whole.Length);
        Assert.Equal(10U, BinaryPrimitives.ReadUInt32LittleEndian(whole.AsSpan(0x184)));
        Assert.Equal(2U, BinaryPrimitives.ReadUInt32LittleEndian(whole.AsSpan(0x4c)));
    }

    [Fact]
    public void What_the_format_lacks_is_refused()
    {
        File.WriteAllBytes(_folder["a.raw"], new byte[512]);
        var options = new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["a.vdi"] };
        foreach (ConvertImageOptions refused in new[] { options with { ClusterSize = 65536 }, options with { BackingPath = "a.raw" }, options with { Compress = true } })
            Assert.Equal(ErrorKind.UnsupportedFeature, Assert.Throws<DiskImageException>(() => ConvertImage.Run(refused)).Kind);
        Assert.False(File.Exists(_folder["a.vdi"]));
    }

    [Fact]
    public void Random_damage_brings_errors_of_the_engine_or_none()
    {
        byte[] small = Make(Patterns.Random(100_352, 9));
        var random = new Random(21);
        byte[] buffer = new byte[1 << 20];
        for (int round = 0; round < 400; round++)
        {
            byte[] file = (byte[])small.Clone();
            for (int i = random.Next(1, 6); i > 0; i--)
                file[random.Next(0x48, Map + 8)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
                Array.Resize(ref file, random.Next(file.Length));
            string path = Write(file);
            try
            {
                Describe.Of(path);
                using DiskImage image = OpenImage.ForReading(path);
                image.ReadOrZero(default, buffer);
                if (image.Length > 0)
                    image.GetExtent(default, long.MaxValue);
            }
            catch (DiskImageException)
            {
                // Named errors are what damage is to bring.
            }

            File.Delete(path);
        }
    }

    private static byte[] Make(byte[] disk, Subformat subformat = Subformat.Dynamic)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["disk.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = folder["disk.raw"], DestinationPath = folder["disk.vdi"], Subformat = subformat, Verify = true });
        return File.ReadAllBytes(folder["disk.vdi"]);
    }

    private static byte[] With(int field, uint value)
    {
        byte[] file = (byte[])Dynamic.Clone();
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(field), value);
        return file;
    }

    private string Write(byte[] file)
    {
        string path = _folder[$"{Guid.NewGuid():N}.bin"];
        File.WriteAllBytes(path, file);
        return path;
    }
}
