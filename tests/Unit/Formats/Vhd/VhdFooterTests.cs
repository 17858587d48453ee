using System;
using System.Buffers.Binary;
using System.IO;
using System.Text;
using Qed.Formats.Vhd;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhd;

/// <summary>Footers: where they are found, whom they believe about the size, and what broken ones bring.</summary>
public sealed class VhdFooterTests : IDisposable
{
    private static readonly byte[] Disk = Patterns.Random(3 << 20, 5);
    private static readonly byte[] Dynamic = VhdBytes.Make(Disk, Subformat.Dynamic);
    private static readonly byte[] Fixed = VhdBytes.Make(Disk, Subformat.Fixed);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_footer_of_511_bytes_is_found()
    {
        string path = Write(Fixed.AsSpan(0, Fixed.Length - 1).ToArray());
        Assert.Equal(Disk, TestImage.ReadAll(path));
        Assert.Equal("fixed", Describe.Of(path).Subformat);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(300)]
    public void The_copy_is_used_where_the_end_is_damaged_and_the_description_says_so(int damaged)
    {
        byte[] file = (byte[])Dynamic.Clone();
        file[file.Length - 512 + damaged] ^= 1;
        string path = Write(file);
        Assert.Equal(Disk, TestImage.ReadAll(path));
        Assert.Contains("footer damaged, copy used", Describe.Of(path).Features);
    }

    [Fact]
    public void Only_a_fixed_disk_without_a_good_footer_may_be_read_as_raw()
    {
        foreach (byte[] sound in new[] { Dynamic, Fixed })
        {
            byte[] file = (byte[])sound.Clone();
            file[file.Length - 512 + 64] ^= 1;
            file[64] ^= 1;
            DiskImageException error = Fails.With(ErrorKind.ImageCorrupt, "checksum of the footer", () => OpenImage.ForReading(Write(file), "vhd").Dispose());
            Assert.Equal(sound == Fixed, error.Remedy == new Remedy(RemedyKind.SayFormat, "raw", "To read the contents of a fixed disk all the same"));
        }
    }

    [Fact]
    public void A_file_whose_end_is_cut_off_reads_as_far_as_it_goes()
    {
        string path = Write(Dynamic.AsSpan(0, Dynamic.Length - 512 - (3 << 19)).ToArray());
        using var image = OpenImage.ForReading(path);
        byte[] start = new byte[2 << 20];
        image.Read(0, start);
        Assert.Equal(Disk.AsSpan(0, 2 << 20).ToArray(), start);
        Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => image.Read(new Qed.Units.GuestOffset(2 << 20), start.AsSpan(0, 1 << 20))).Kind);
    }

    [Theory]
    [InlineData(-512 + 64, "the copy of it at the start of the file counts")]
    [InlineData(68, "differ, and the footer counts")]
    [InlineData(48, "differ, and the footer counts")]
    [InlineData(84, null)]
    public void A_damaged_footer_or_a_copy_that_describes_another_disk_is_a_warning(int damaged, string? words)
    {
        byte[] file = (byte[])Dynamic.Clone();
        file[damaged < 0 ? file.Length + damaged : damaged] ^= 1;
        if (damaged >= 0)
            VhdBytes.Seal(file.AsSpan(0, 512), VhdBytes.FooterChecksum);
        var warnings = new LoggedWarnings();
        using (OpenImage.ForReading(Write(file), logger: warnings.Logger))
            Assert.Equal(words is null ? 0 : 1, warnings.Messages.Count);
        Assert.All(warnings.Messages, message => Assert.Contains(words!, message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_damaged_start_does_not_matter_while_the_end_is_sound()
    {
        byte[] file = (byte[])Dynamic.Clone();
        file.AsSpan(0, 512).Clear();
        Assert.Equal(Disk, TestImage.ReadAll(Write(file)));
    }

    [Theory]
    [InlineData("win ", false)]
    [InlineData("qem2", false)]
    [InlineData("d2v ", false)]
    [InlineData("tap\0", false)]
    [InlineData("CTXS", false)]
    [InlineData("vbox", false)]
    [InlineData("vpc ", true)]
    [InlineData("qemu", true)]
    public void The_size_is_the_one_that_the_creator_meant(string creator, bool isGeometry)
    {
        byte[] file = VhdBytes.WithFooter(Dynamic, footer =>
        {
            Encoding.ASCII.GetBytes(creator, footer.Span.Slice(28, 4));
            BinaryPrimitives.WriteUInt16BigEndian(footer.Span[56..], 20);
            footer.Span[58] = 4;
            footer.Span[59] = 17;
        });
        long expected = isGeometry ? 20 * 4 * 17 * 512 : Disk.Length;
        string path = Write(file);
        Assert.Equal(expected, Describe.Of(path).Size);
        if (creator == "vbox")
            return;
        Qemu.Require();
        Assert.Contains($"\"virtual-size\": {expected},", Qemu.ImgOk("info", "-f", "vpc", "--output=json", path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0, 4, 17)]
    [InlineData(3L << 20, 90, 4, 17)]
    [InlineData(100L << 20, 1003, 12, 17)]
    [InlineData(1L << 30, 2080, 16, 63)]
    [InlineData(40L << 30, 20560, 16, 255)]
    [InlineData(2040L << 30, 65535, 16, 255)]
    public void The_geometry_follows_the_specification(long size, int cylinders, int heads, int sectors)
        => Assert.Equal(new VhdGeometry((ushort)cylinders, (byte)heads, (byte)sectors), VhdGeometry.For(size));

    [Theory]
    [InlineData(12, 0x00020000U, ErrorKind.UnsupportedFeature)]
    [InlineData(60, 0U, ErrorKind.UnsupportedFeature)]
    [InlineData(60, 1U, ErrorKind.UnsupportedFeature)]
    [InlineData(60, 6U, ErrorKind.UnsupportedFeature)]
    [InlineData(48, 0xffffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(48, 0x7fffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(52, 0x7fffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(16, 0x7fffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(16, 0xffffffffU, ErrorKind.ImageCorrupt)]
    [InlineData(20, 0U, ErrorKind.ImageCorrupt)]
    public void A_footer_that_breaks_a_rule_is_named(int field, uint value, ErrorKind kind)
    {
        byte[] file = VhdBytes.WithFooter(Dynamic, footer => BinaryPrimitives.WriteUInt32BigEndian(footer.Span[field..], value));
        DiskImageException error = Assert.Throws<DiskImageException>(() => Describe.Of(Write(file)));
        Assert.Equal(kind, error.Kind);
        Assert.StartsWith("VHD", error.Structure, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_damaged_footers_are_a_corrupt_image()
    {
        byte[] file = (byte[])Dynamic.Clone();
        file[100] ^= 1;
        file[^1] ^= 1;
        Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => Describe.Of(Write(file))).Kind);
    }

    [Theory]
    [InlineData(48, 0x00000001U)]
    [InlineData(52, 0x00400000U)]
    public void A_fixed_disk_that_is_longer_than_its_file_is_corrupt(int field, uint value)
    {
        byte[] file = VhdBytes.WithFooter(Fixed, footer => BinaryPrimitives.WriteUInt32BigEndian(footer.Span[field..], value));
        Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => Describe.Of(Write(file), "vhd")).Kind);
    }

    [Fact]
    public void A_foreign_header_at_the_start_of_a_fixed_disk_needs_the_users_word_for_the_format()
    {
        byte[] disk = (byte[])Disk.Clone();
        TestImage.Bytes(1 << 20).CopyTo(disk, 0);
        string path = Write(VhdBytes.Make(disk, Subformat.Fixed));
        Fails.With(ErrorKind.ImageNotRecognized, "more than one format: QED and VHD", () => Describe.Of(path));
        Assert.Equal(disk, TestImage.ReadAll(path, "vhd"));
    }

    [Fact]
    public void A_copied_VHD_header_at_the_start_of_a_fixed_disk_is_its_guests_and_changes_nothing()
    {
        byte[] disk = (byte[])Disk.Clone();
        Dynamic.AsSpan(0, 1 << 20).CopyTo(disk);
        string path = Write(VhdBytes.Make(disk, Subformat.Fixed));
        Assert.Equal("fixed", Describe.Of(path).Subformat);
        Assert.Equal(disk, TestImage.ReadAll(path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_footer_that_a_guest_wrote_does_not_make_a_VHD_of_an_image(bool isFixed)
    {
        byte[] qed = TestImage.Bytes(1 << 20, fill: image => image.Write(0, Patterns.Random(8192, 1)));
        byte[] vhd = isFixed ? Fixed : Dynamic;
        vhd.AsSpan(vhd.Length - 512).CopyTo(qed.AsSpan(qed.Length - 512));
        Assert.Equal("qed", Describe.Of(Write(qed)).Format);
    }

    [Fact]
    public void Flags_are_features()
    {
        byte[] file = VhdBytes.WithFooter(Dynamic, footer =>
        {
            footer.Span[84] = 1;
            footer.Span[11] |= 1;
        });
        Assert.Equal(["saved state", "temporary"], Describe.Of(Write(file)).Features);
    }

    private string Write(byte[] file)
    {
        string path = _folder[$"{Guid.NewGuid():N}.bin"];
        File.WriteAllBytes(path, file);
        return path;
    }
}
