using System;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vmdk;

public sealed class VmdkDescriptorTests : IDisposable
{
    private const string Head = "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\n";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Flat_sparse_and_zero_extents_make_one_disk()
    {
        byte[] first = Patterns.Random(8192, 1);
        byte[] third = Patterns.Random(200_192, 2);
        File.WriteAllBytes(_folder["one.bin"], [.. new byte[1024], .. first]);
        VmdkDisks.WriteRaw(_folder, "third.raw", third);
        VmdkDisks.Convert(_folder["third.raw"], _folder["three.vmdk"]);
        File.WriteAllText(
            _folder["disk.vmdk"],
            $"{Head}RW 16 FLAT \"one.bin\" 2\nRW 40 ZERO\nRDONLY {third.Length / 512} SPARSE \"three.vmdk\"\nNOACCESS 8 ZERO\nRW 4 VMFS \"one.bin\"\n");
        byte[] expected = [.. first, .. new byte[40 * 512], .. third, .. new byte[8 * 512], .. new byte[1024], .. first.Take(1024)];
        Assert.Equal(expected, TestImage.ReadAll(_folder["disk.vmdk"]));
        using DiskImage image = OpenImage.ForReading(_folder["disk.vmdk"]);
        Assert.Equal(new HostOffset(1024), image.GetExtent(new GuestOffset(0), 512).HostOffset);
        Assert.Equal(ExtentKind.Zero, image.GetExtent(new GuestOffset(8192), long.MaxValue).Kind);
        Assert.Equal(40 * 512, image.GetExtent(new GuestOffset(8192), long.MaxValue).Length);
        Assert.Equal(image.Length, image.GetExtents(new GuestOffset(0), image.Length).Sum(extent => extent.Length));
    }

    [Theory]
    [InlineData("# disk descriptorfile\r\nVERSION = 3\r\n")]
    [InlineData("# DISK DESCRIPTORFILE\n\n  # a comment\n\tversion=\"2\"\n")]
    public void Case_blanks_and_line_ends_do_not_matter(string head)
    {
        File.WriteAllBytes(_folder["data"], Patterns.Filled(1024, 5));
        File.WriteAllText(_folder["disk.vmdk"], $"{head}cid=AbCd\r\nParentCid = ffffffff\nCreateType=\"x\"\r\n rw   2\tflat  \"data\"  0 \r\nddb.adapterType = \"ide\"\n");
        Assert.Equal(Patterns.Filled(1024, 5), TestImage.ReadAll(_folder["disk.vmdk"]));
    }

    [Theory]
    [InlineData("version=1\n")]
    [InlineData("# written by hand\n\n   \r\n# twice\r\nversion=3\r\n")]
    [InlineData("\t# Disk Descriptor\n \n version=2 \n")]
    public void A_version_behind_comments_and_blank_lines_is_a_descriptor_too(string head)
    {
        File.WriteAllBytes(_folder["data"], Patterns.Random(1024, 7));
        File.WriteAllText(_folder["disk.img"], $"{head}CID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 2 FLAT \"data\" 0\n");
        Assert.Equal("vmdk", Describe.Of(_folder["disk.img"]).Format);
        Assert.Equal(Patterns.Random(1024, 7), TestImage.ReadAll(_folder["disk.img"]));
    }

    [Fact]
    public void QEMU_knows_the_same_texts_for_descriptors()
    {
        Qemu.Require();
        File.WriteAllBytes(_folder["data"], Patterns.Random(1024, 8));
        string[] heads = ["version=1\n", "# a\n \n# b\nversion=2\n", "  \nversion=3\r\n", "version=4\n", "version=1", "Version=1\n", "version =1\n", "x\nversion=1\n", "# a\n"];
        foreach (string head in heads)
        {
            File.WriteAllText(_folder["disk.img"], $"{head}CID=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 2 FLAT \"data\" 0\n");
            using var info = System.Text.Json.JsonDocument.Parse(Qemu.ImgOk("info", "--output=json", _folder["disk.img"]));
            Assert.Equal((head, info.RootElement.GetProperty("format").GetString()), (head, Describe.Of(_folder["disk.img"]).Format));
        }
    }

    [Fact]
    public void Lines_and_sections_that_nobody_knows_are_passed_over_and_so_are_extents_of_nothing()
    {
        byte[] data = Patterns.Random(1024, 9);
        File.WriteAllBytes(_folder["data"], data);
        File.WriteAllText(
            _folder["disk.vmdk"],
            "# Disk DescriptorFile\nversion=3\nCID=1\nparentCID=ffffffff\nisNativeSnapshot=\"no\"\ncreateType=\"vmfs\"\nRDONLY 0 ZERO\nRW 0 FLAT \"none\" 0\n"
            + "RW 2 VMFS \"data\"\nRDONLY 6 ZERO\n# Change Tracking File\nchangeTrackPath=\"disk-ctk.vmdk\"\n[digest]\ndigestFilename = \"x-digest.vmdk\"\nnonsense line\n#DDB\nddb.uuid = \"60 00\"\n");
        using DiskImage image = OpenImage.ForReading(_folder["disk.vmdk"]);
        Assert.Equal(4096, image.Length);
        Assert.Equal([.. data, .. new byte[3072]], TestImage.ReadAll(_folder["disk.vmdk"]));
        Assert.Contains("ChangeTracking", image.Details.Features);
    }

    [Fact]
    public void A_flat_extent_alone_is_a_raw_disk_and_a_warning()
    {
        byte[] disk = Patterns.Random(4096, 10);
        File.WriteAllBytes(_folder["disk-flat.vmdk"], disk);
        var warnings = new LoggedWarnings();
        using (DiskImage image = OpenImage.ForReading(_folder["disk-flat.vmdk"], logger: warnings.Logger))
            Assert.Equal("raw", image.Format);
        Assert.Contains("without its descriptor", Assert.Single(warnings.Messages), StringComparison.Ordinal);
        Assert.Equal(disk, TestImage.ReadAll(_folder["disk-flat.vmdk"]));
        File.WriteAllBytes(_folder["disk.vmdk"], disk);
        Fails.With(ErrorKind.ImageNotRecognized, () => Describe.Of(_folder["disk.vmdk"]));
    }

    [Fact]
    public void Names_beyond_ASCII_are_found_in_UTF8()
    {
        File.WriteAllBytes(_folder["plätte-übung.bin"], Patterns.Filled(512, 6));
        File.WriteAllText(_folder["disk.vmdk"], $"{Head}encoding=\"UTF-8\"\nRW 1 FLAT \"plätte-übung.bin\" 0\n");
        Assert.Equal(Patterns.Filled(512, 6), TestImage.ReadAll(_folder["disk.vmdk"]));
    }

    [Theory]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\n", ErrorKind.ImageCorrupt, "no extents")]
    [InlineData("# Disk DescriptorFile\nversion=4\nCID=1\nRW 1 ZERO\n", ErrorKind.UnsupportedFeature, "version 4")]
    [InlineData("# Disk DescriptorFile\nversion=x\nCID=1\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "version")]
    [InlineData("# Disk DescriptorFile\nCID=1\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "version")]
    [InlineData("# Disk DescriptorFile\nversion=1\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "CID")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=xyz\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "hexadecimal")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=123456789\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "hexadecimal")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 0 ZERO\n", ErrorKind.ImageCorrupt, "no extents")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW -1 ZERO\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 FLAT\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 FLAT \"open\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 FLAT \"a\" -5\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 99999999999999999999 ZERO\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 18014398509481983 ZERO\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "bounds")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRX 5 ZERO\n", ErrorKind.ImageCorrupt, "line 4")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=5\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "parentFileNameHint")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nparentFileNameHint=\"p\"\nRW 1 ZERO\n", ErrorKind.ImageCorrupt, "parentCID")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 VMFSSPARSE \"a\"\n", ErrorKind.UnsupportedFeature, "VMFSSPARSE")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 SESPARSE \"a\"\n", ErrorKind.UnsupportedFeature, "SESPARSE")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 VMFSRDM \"a\"\n", ErrorKind.UnsupportedFeature, "VMFSRDM")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nNOACCESS 1 FLAT \"a\" 0\n", ErrorKind.UnsupportedFeature, "NOACCESS")]
    [InlineData("# Disk DescriptorFile\nversion=1\nCID=1\nRW 1 MAGIC \"a\"\n", ErrorKind.UnsupportedFeature, "MAGIC")]
    public void Every_broken_rule_is_named(string text, ErrorKind kind, string words)
    {
        File.WriteAllText(_folder["disk.vmdk"], text);
        DiskImageException error = Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"]));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flat_extent_shorter_than_its_line_is_refused()
    {
        File.WriteAllBytes(_folder["data"], new byte[1024]);
        foreach (string line in new[] { "RW 3 FLAT \"data\" 0", "RW 1 FLAT \"data\" 2", "RW 1 FLAT \"data\" 18014398509481983" })
        {
            File.WriteAllText(_folder["disk.vmdk"], $"{Head}{line}\n");
            Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"])).Kind);
        }
    }

    [Fact]
    public void A_sparse_extent_smaller_than_its_line_is_refused_and_so_is_one_that_is_none()
    {
        VmdkDisks.WriteRaw(_folder, "a.raw", new byte[65536]);
        VmdkDisks.Convert(_folder["a.raw"], _folder["a.vmdk"]);
        File.WriteAllText(_folder["disk.vmdk"], $"{Head}RW 129 SPARSE \"a.vmdk\"\n");
        Assert.Contains("capacity", Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"])).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder["disk.vmdk"], $"{Head}RW 128 SPARSE \"a.raw\"\n");
        Assert.Contains("signature", Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Endless_descriptors_and_endless_extents_are_refused_quickly()
    {
        File.WriteAllText(_folder["disk.vmdk"], Head + new string('#', 1 << 20));
        Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"])).Kind);
        File.WriteAllText(_folder["disk.vmdk"], Head + string.Concat(Enumerable.Repeat("RW 1 ZERO\n", 5000)));
        Assert.Equal(ErrorKind.UnsupportedFeature, Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk.vmdk"])).Kind);
    }

    [Theory]
    [InlineData("COWD", "COWD")]
    [InlineData("\u00be\u00ba\u00fe\u00ca\0\0\0\0", "SESparse")]
    public void Old_and_ESX_kinds_are_refused_by_name(string magic, string name)
    {
        byte[] file = new byte[4096];
        for (int i = 0; i < magic.Length; i++)
            file[i] = (byte)magic[i];
        File.WriteAllBytes(_folder["disk.vmdk"], file);
        DiskImageException error = Assert.Throws<DiskImageException>(() => Describe.Of(_folder["disk.vmdk"]));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        File.WriteAllText(_folder["text.vmdk"], $"{Head}RW 1 SPARSE \"disk.vmdk\"\n");
        Assert.Contains(name, Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["text.vmdk"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_extent_of_a_split_image_is_no_image_of_its_own()
    {
        Qemu.Require();
        Qemu.ImgOk("create", "-q", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", _folder["disk.vmdk"], "8M");
        DiskImageException error = Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["disk-s001.vmdk"]));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        Assert.Contains("descriptor", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_raw_disk_is_not_mistaken_for_a_descriptor_nor_a_VMDK_for_anything_else()
    {
        File.WriteAllText(_folder["a.raw"], "# Disk Descriptor of another kind" + new string(' ', 2000));
        Assert.Equal("raw", Describe.Of(_folder["a.raw"]).Format);
        File.WriteAllText(_folder["b.raw"], Head + "RW 1 ZERO\n");
        Assert.Equal("vmdk", Describe.Of(_folder["b.raw"]).Format);
        File.WriteAllBytes(_folder["c.vmdk"], new byte[4096]);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["c.vmdk"])).Kind);
        File.WriteAllBytes(_folder["d.bin"], new byte[4096]);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["d.bin"], "vmdk")).Kind);
    }
}
