using System;
using System.Buffers.Binary;
using System.IO;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vhd;

/// <summary>The dynamic disk header, the block allocation table and the bitmaps, sound and broken.</summary>
public sealed class VhdBlockTests : IDisposable
{
    private const int Table = 1536;
    private static readonly byte[] Disk = Patterns.Random((5 << 20) + 512, 6);
    private static readonly byte[] Dynamic = VhdBytes.Make(Disk, Subformat.Dynamic);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 0x64787370U, ErrorKind.ImageCorrupt)]
    [InlineData(16, 0x7fffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(16, 0xffffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(20, 1537U, ErrorKind.ImageCorrupt)]
    [InlineData(20, 0x7ffffe00U, ErrorKind.ImageCorrupt)]
    [InlineData(24, 0x00020000U, ErrorKind.UnsupportedFeature)]
    [InlineData(28, 2U, ErrorKind.ImageCorrupt)]
    [InlineData(28, 0U, ErrorKind.ImageCorrupt)]
    [InlineData(28, uint.MaxValue, ErrorKind.ImageCorrupt)]
    [InlineData(32, 0U, ErrorKind.ImageCorrupt)]
    [InlineData(32, 3U << 20, ErrorKind.ImageCorrupt)]
    [InlineData(32, 512U, ErrorKind.UnsupportedFeature)]
    [InlineData(32, 1U << 31, ErrorKind.UnsupportedFeature)]
    public void A_header_that_breaks_a_rule_is_named(int field, uint value, ErrorKind kind)
    {
        byte[] file = VhdBytes.WithHeader(Dynamic, header => BinaryPrimitives.WriteUInt32BigEndian(header.Span[field..], value));
        DiskImageException error = Assert.Throws<DiskImageException>(() => Describe.Of(Write(file)));
        Assert.Equal(kind, error.Kind);
        Assert.Equal("VHD dynamic disk header", error.Structure);
    }

    [Fact]
    public void A_wrong_checksum_of_the_header_is_named()
    {
        byte[] file = (byte[])Dynamic.Clone();
        file[512 + 1000] ^= 1;
        Assert.Contains("checksum", Assert.Throws<DiskImageException>(() => Describe.Of(Write(file))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0U)]
    [InlineData(1U)]
    [InlineData(3U)]
    [InlineData(0x7fffffffU)]
    [InlineData(0xfffffffeU)]
    public void A_block_on_other_structures_or_beyond_the_file_is_corrupt_and_the_others_are_not(uint entry)
    {
        byte[] file = (byte[])Dynamic.Clone();
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(Table + 4), entry);
        using DiskImage image = OpenImage.ForReading(Write(file));
        byte[] block = new byte[2 << 20];
        image.Read(0, block);
        Assert.Equal(Disk.AsSpan(0, block.Length).ToArray(), block);
        DiskImageException error = Assert.Throws<DiskImageException>(() => image.Read(new GuestOffset(2 << 20), block));
        Assert.Equal((ErrorKind.ImageCorrupt, Table + 4, (ulong)entry), (error.Kind, error.Offset, error.Value));
    }

    [Fact]
    public void Sectors_whose_bit_is_clear_are_zeroes_and_the_most_significant_bit_comes_first()
    {
        byte[] file = (byte[])Dynamic.Clone();
        int bitmap = (int)BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(Table)) * 512;
        file[bitmap] = 0b0111_1111;
        file[bitmap + 3] = 0;
        file[bitmap + 500] = 0b0111_1111;
        byte[] expected = (byte[])Disk.Clone();
        expected.AsSpan(0, 512).Clear();
        expected.AsSpan(24 * 512, 8 * 512).Clear();
        expected.AsSpan(4000 * 512, 512).Clear();
        string path = Write(file);
        Assert.Equal(expected, TestImage.ReadAll(path));
        Assert.Equal(expected, Libvhdi.ReadAll(_folder, path));

        // libvhdi 20210425 misses clear bits behind set ones of the same byte.
        file[bitmap + 511] = 0b1111_1010;
        expected.AsSpan(4093 * 512, 512).Clear();
        expected.AsSpan(4095 * 512, 512).Clear();
        Assert.Equal(expected, TestImage.ReadAll(Write(file)));
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.Fixed)]
    public void Data_in_sectors_that_the_bitmaps_call_unused_is_one_warning_for_the_image(Subformat target)
    {
        byte[] file = (byte[])Dynamic.Clone();
        int bitmap = (int)BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(Table)) * 512;
        file.AsSpan(bitmap, 512).Clear();
        var warnings = new LoggedWarnings();
        ConvertImage.Run(
            new ConvertImageOptions { Path = Write(file), DestinationPath = _folder["copy.vdi"], Subformat = target, Verify = true }, logger: warnings.Logger);
        Assert.Contains("bitmaps call unused", Assert.Single(warnings.Messages), StringComparison.Ordinal);

        // Clear bits over zeroes, as Hyper-V leaves them, are none.
        file.AsSpan(bitmap + 512, 2 << 20).Clear();
        var quiet = new LoggedWarnings();
        ConvertImage.Run(new ConvertImageOptions { Path = Write(file), DestinationPath = _folder["copy.vdi"], Force = true }, logger: quiet.Logger);
        Assert.Empty(quiet.Messages);
    }

    [Fact]
    public void Extents_are_exact_and_as_long_as_they_can_be()
    {
        byte[] disk = new byte[16 << 20];
        disk.AsSpan(4 << 20, 2 << 20).Fill(1);
        disk[(10 << 20) + 5] = 1;
        File.WriteAllBytes(_folder["a.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["a.vhd"] });
        using DiskImage image = OpenImage.ForReading(_folder["a.vhd"]);
        Assert.Equal(
            [(0, 4 << 20, ExtentKind.Unallocated), (4 << 20, 2 << 20, ExtentKind.Data), (6 << 20, 4 << 20, ExtentKind.Unallocated), (10 << 20, 2 << 20, ExtentKind.Data), (12 << 20, 4 << 20, ExtentKind.Unallocated)],
            Extents(image));
        Extent part = image.GetExtent(new GuestOffset((5 << 20) + 7), 100);
        Assert.Equal((100, ExtentKind.Data), (part.Length, part.Kind));
        byte[] there = new byte[100];
        using FileStream file = File.OpenRead(_folder["a.vhd"]);
        file.Position = part.HostOffset!.Value.Value;
        file.ReadExactly(there);
        Assert.Equal(Patterns.Filled(100, 1), there);
        Assert.Equal(0, part.HostOffset.Value.Value % 4096 - 7);
        Assert.Equal((ExtentKind.Unallocated, 4), (image.GetExtent(new GuestOffset(3), 4).Kind, image.GetExtent(new GuestOffset(3), 4).Length));
    }

    [Fact]
    public void Random_damage_brings_errors_of_the_engine_or_none()
    {
        byte[] small = VhdBytes.Make(Patterns.Random(1 << 20, 7), Subformat.Dynamic);
        var random = new Random(20);
        for (int round = 0; round < 400; round++)
        {
            byte[] file = (byte[])small.Clone();
            for (int i = random.Next(1, 6); i > 0; i--)
                file[random.Next(3) == 0 ? file.Length - 512 + random.Next(512) : random.Next(8192)] = (byte)random.Next(256);
            // Most damage would stop at the checksums.
            VhdBytes.Seal(file.AsSpan(0, 512), VhdBytes.FooterChecksum);
            VhdBytes.Seal(file.AsSpan(512, 1024), VhdBytes.HeaderChecksum);
            VhdBytes.Seal(file.AsSpan(file.Length - 512), VhdBytes.FooterChecksum);
            if (random.Next(4) == 0)
                Array.Resize(ref file, random.Next(file.Length));
            ReadOrFail(file);
        }
    }

    private void ReadOrFail(byte[] file)
    {
        string path = Write(file);
        try
        {
            Describe.Of(path);
            using DiskImage image = OpenImage.ForReading(path);
            byte[] buffer = new byte[1 << 20];
            for (long offset = 0; offset < Math.Min(image.Length, 4 << 20); offset += buffer.Length)
            {
                image.GetExtent(new GuestOffset(offset), long.MaxValue);
                image.ReadOrZero(new GuestOffset(offset), buffer);
            }
        }
        catch (DiskImageException)
        {
            // Named errors are what damage is to bring.
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (long Offset, long Length, ExtentKind Kind)[] Extents(DiskImage image)
    {
        var list = new System.Collections.Generic.List<(long, long, ExtentKind)>();
        foreach (Extent extent in image.GetExtents(default(GuestOffset), image.Length))
            list.Add((extent.Offset.Value, extent.Length, extent.Kind));
        return [.. list];
    }

    private string Write(byte[] file)
    {
        string path = _folder[$"{Guid.NewGuid():N}.bin"];
        File.WriteAllBytes(path, file);
        return path;
    }
}
