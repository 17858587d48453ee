using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Formats;
using Qed.Formats.Vhdx;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>Images that rest on a parent: written by us, read by libvhdi and us, and their parent told from others.</summary>
public sealed class VhdxDifferencingTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly TempFolder _folder = new();
    private readonly byte[] _base = new byte[(9 * MiB) + 512];
    private readonly byte[] _changed;

    public VhdxDifferencingTests()
    {
        Patterns.Random(3 * MiB, 1).CopyTo(_base, 0);
        Patterns.Random(3 * MiB, 2).CopyTo(_base, 5 * MiB);
        _changed = (byte[])_base.Clone();
        Patterns.Random(5000, 3).CopyTo(_changed, 100_000);
        Patterns.Random(2 * MiB, 4).CopyTo(_changed, 2 * MiB);
        _changed.AsSpan(MiB, 200_000).Clear();
        _changed.AsSpan(6 * MiB, 2 * MiB).Clear();
        Patterns.Random(512, 5).CopyTo(_changed, _changed.Length - 512);
        File.WriteAllBytes(_folder["base.raw"], _base);
        File.WriteAllBytes(_folder["changed.raw"], _changed);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["base.raw"], DestinationPath = _folder["base.vhdx"] });
    }

    public void Dispose() => _folder.Dispose();

    private string Child => _folder["child.vhdx"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(32)]
    public void A_difference_reads_whole_through_its_parent(int blockMiB)
    {
        ImageDescription result = MakeChild(blockMiB * MiB);
        Assert.Equal("differencing", result.Subformat);
        Assert.Equal("vhdx", result.BackingFormat);
        Assert.Equal(_folder["base.vhdx"], result.BackingFullPath);
        Assert.True(_changed.AsSpan().SequenceEqual(TestImage.ReadAll(Child)));
        ConvertImage.Run(new ConvertImageOptions { Path = Child, DestinationPath = _folder["flat.qed"], Verify = true });
        Assert.True(_changed.AsSpan().SequenceEqual(TestImage.ReadAll(_folder["flat.qed"])));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(32)]
    public void Libvhdi_reads_the_same_through_the_parent(int blockMiB)
    {
        Libvhdi.Require();
        MakeChild(blockMiB * MiB);
        byte[] theirs = Libvhdi.ReadAll(_folder, Child, _folder["base.vhdx"]);
        // Where a block's state says that it is zero libvhdi reads the file from its start, and so finds the headers there.
        Assert.True(_changed.AsSpan(0, 6 * MiB).SequenceEqual(theirs.AsSpan(0, 6 * MiB)));
        Assert.True(_changed.AsSpan(8 * MiB).SequenceEqual(theirs.AsSpan(8 * MiB)));
    }

    [Fact]
    public void Only_what_differs_takes_space_and_a_whole_block_of_zeroes_takes_none()
    {
        MakeChild(2 * MiB);
        using DiskImage child = OpenImage.ForReading(Child);
        Extent[] extents = child.GetExtents(new GuestOffset(0), child.Length).ToArray();
        Assert.Equal(child.Length, extents.Sum(extent => extent.Length));
        Assert.Equal(ExtentKind.Zero, child.GetExtent(new GuestOffset(6 * MiB), MiB).Kind);
        Assert.Equal(ExtentKind.Unallocated, child.GetExtent(new GuestOffset(5 * MiB), MiB).Kind);
        Assert.InRange(extents.Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length), 2 * MiB, 3 * MiB);
    }

    [Fact]
    public void A_chain_of_three_and_a_parent_that_is_shorter_read_right()
    {
        byte[] longer = new byte[_changed.Length + (4 * MiB)];
        _changed.CopyTo(longer, 0);
        Patterns.Random(70_000, 8).CopyTo(longer, longer.Length - 70_000);
        File.WriteAllBytes(_folder["longer.raw"], longer);
        MakeChild(2 * MiB);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["longer.raw"], DestinationPath = _folder["top.vhdx"], BackingPath = "child.vhdx", Verify = true });
        Assert.True(longer.AsSpan().SequenceEqual(TestImage.ReadAll(_folder["top.vhdx"])));
        Assert.Equal(3, DescribeImage.RunChain(new DescribeImageOptions { Path = _folder["top.vhdx"] }).Count());
    }

    [Fact]
    public void A_parent_that_has_changed_is_refused()
    {
        MakeChild(2 * MiB);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["base.raw"], DestinationPath = _folder["base.vhdx"], Force = true });
        DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(Child));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Contains("not the parent that this image was made on", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_parent_is_named_and_describing_needs_none()
    {
        MakeChild(2 * MiB);
        File.Delete(_folder["base.vhdx"]);
        Assert.Equal(ErrorKind.BackingFileMissing, Assert.Throws<DiskImageException>(() => TestImage.ReadAll(Child)).Kind);
        Assert.Equal("differencing", Describe.Of(Child).Subformat);
    }

    [Fact]
    public void The_parent_must_be_a_VHDX_image_and_the_child_dynamic()
    {
        DiskImageException Fail(string parent, Subformat subformat) => Assert.Throws<DiskImageException>(() => ConvertImage.Run(
            new ConvertImageOptions { Path = _folder["changed.raw"], DestinationPath = Child, BackingPath = parent, Subformat = subformat }));
        Assert.Contains("must be a VHDX image", Fail("base.raw", default).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be fixed", Fail("base.vhdx", Subformat.Fixed).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Child));
    }

    [Fact]
    public void A_parent_in_another_folder_is_found_by_its_relative_path()
    {
        Directory.CreateDirectory(_folder["sub"]);
        Directory.CreateDirectory(_folder["other"]);
        File.Move(_folder["base.vhdx"], _folder["other/base.vhdx"]);
        string child = _folder["sub/child.vhdx"];
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["changed.raw"], DestinationPath = child, BackingPath = "../other/base.vhdx", Verify = true });
        Assert.True(_changed.AsSpan().SequenceEqual(TestImage.ReadAll(child)));
        Assert.True(File.ReadAllBytes(child).AsSpan().IndexOf(Encoding.Unicode.GetBytes(@"..\other\base.vhdx")) > 0);
    }

    [Fact]
    public void Names_are_tried_in_order_and_drive_letters_lead_to_the_file_beside_the_image_on_Linux()
    {
        Assert.SkipUnless(HostPlatform.IsLinux, "on Windows a drive letter is a name like any other");
        BackingReference reference = Parse(
            ("parent_linkage", Guid.NewGuid().ToString("B")), ("absolute_win32_path", @"\\?\c:\vms\base.vhdx"), ("relative_path", @"..\vms\base.vhdx"),
            ("volume_path", @"\\?\Volume{26A21BDA-A627-11D7-9931-806E6F6E6963}\vms\base.vhdx")).ToReference();
        Assert.Equal("../vms/base.vhdx", reference.Name);
        Assert.Equal(["base.vhdx"], reference.OtherNames);
        reference = Parse(("parent_linkage", Guid.NewGuid().ToString("B")), ("absolute_win32_path", @"\\?\c:\vms\base.vhdx")).ToReference();
        Assert.Equal(@"\\?\c:\vms\base.vhdx", reference.Name);
        Assert.Equal(["base.vhdx"], reference.OtherNames);
    }

    [Fact]
    public void A_drive_letter_path_is_resolved_to_the_parent_beside_the_image()
    {
        Assert.SkipUnless(HostPlatform.IsLinux, "on Windows the drive may exist");
        MakeChild(2 * MiB);
        byte[] bytes = File.ReadAllBytes(Child);
        using (var image = (VhdxImage)FormatRegistry.ByName("vhdx").Open(HostFile.Open(_folder["base.vhdx"], StorageAccess.Read), ImageOpenOptions.Default))
            Replace(bytes, image.Header.DataWriteGuid, @"d:\somewhere\base.vhdx");
        File.WriteAllBytes(Child, bytes);
        Assert.True(_changed.AsSpan().SequenceEqual(TestImage.ReadAll(Child)));
        Assert.Equal(@"d:\somewhere\base.vhdx", Describe.Of(Child).BackingPath);
    }

    [Theory]
    [InlineData("parent_linkage is missing", "relative_path", "a.vhdx", null, null)]
    [InlineData("is not an identifier", "relative_path", "a.vhdx", "parent_linkage", "{12}")]
    [InlineData("holds no path", "parent_linkage", "{83ed0ec3-24c8-49a6-a959-5e4bf1288bfb}", null, null)]
    [InlineData("holds a NUL", "relative_path", "a\0b", null, null)]
    [InlineData("the key 'relative_path' twice", "relative_path", "a", "relative_path", "b")]
    public void A_locator_that_breaks_a_rule_is_refused(string rule, string key1, string value1, string? key2, string? value2)
    {
        (string, string)[] pairs = key2 is null ? [(key1, value1)] : [(key1, value1), (key2, value2!)];
        DiskImageException error = Assert.Throws<DiskImageException>(() => Parse(pairs));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Contains(rule, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_kinds_of_parents_and_locators_that_are_cut_off_are_refused()
    {
        byte[] item = Item([("parent_linkage", Guid.NewGuid().ToString("B")), ("relative_path", "a.vhdx")]);
        Assert.Equal(ErrorKind.ImageCorrupt, Fail(item.AsSpan(0, 10).ToArray()));
        Assert.Equal(ErrorKind.ImageCorrupt, Fail(item.AsSpan(0, item.Length - 2).ToArray()));
        item[18] = 200;
        Assert.Equal(ErrorKind.ImageCorrupt, Fail(item));
        item[0] ^= 1;
        Assert.Equal(ErrorKind.UnsupportedFeature, Fail(item));
        static ErrorKind Fail(byte[] bytes) => Assert.Throws<DiskImageException>(() => VhdxParentLocator.Parse(bytes, "/x.vhdx", 0)).Kind;
    }

    [Fact]
    public void Either_of_two_linkages_names_the_parent()
    {
        Guid a = Guid.NewGuid();
        Guid b = Guid.NewGuid();
        Assert.Equal([a, b], Parse(("parent_linkage2", b.ToString("B")), ("parent_linkage", a.ToString("B").ToUpperInvariant()), ("relative_path", "a")).ParentIds);
    }

    [Theory]
    [InlineData(0, "its sector bitmap is missing")]
    [InlineData(2, "its sector bitmap is missing")]
    [InlineData(6, "a block lies in the headers")]
    public void A_partial_block_without_a_bitmap_is_refused(ulong bitmapEntry, string rule)
    {
        MakeChild(2 * MiB);
        byte[] bytes = File.ReadAllBytes(Child);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan((3 * MiB) + (2048 * 8)), bitmapEntry);
        File.WriteAllBytes(Child, bytes);
        DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(Child));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Contains(rule, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Single_sectors_come_from_the_parent_or_not_as_the_bitmap_says()
    {
        MakeChild(2 * MiB);
        byte[] bytes = File.ReadAllBytes(Child);
        int bitmap = (int)(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan((3 * MiB) + (2048 * 8))) & ~7UL);
        int block = (int)(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(3 * MiB)) & ~7UL);
        byte[] expected = (byte[])_changed.Clone();
        foreach (int sector in new[] { 0, 1, 3, 62, 63, 64, 130, 200, 1000, 2048, 4095 })
        {
            bytes[bitmap + (sector / 8)] ^= (byte)(1 << (sector % 8));
            bool isOwn = (bytes[bitmap + (sector / 8)] >> (sector % 8) & 1) != 0;
            (isOwn ? bytes.AsSpan(block + (sector * 512), 512) : _base.AsSpan(sector * 512, 512)).CopyTo(expected.AsSpan(sector * 512));
        }

        File.WriteAllBytes(Child, bytes);
        Assert.True(expected.AsSpan().SequenceEqual(TestImage.ReadAll(Child)));
        using (DiskImage child = OpenImage.ForReading(Child))
        {
            Assert.Equal(512, child.GetExtent(new GuestOffset(3 * 512), MiB).Length);
            Assert.Equal(200 * 512, child.GetExtent(new GuestOffset(199 * 512), MiB).End.Value);
        }

        Libvhdi.Require();
        Assert.True(expected.AsSpan(0, 6 * MiB).SequenceEqual(Libvhdi.ReadAll(_folder, Child, _folder["base.vhdx"]).AsSpan(0, 6 * MiB)));
    }

    private ImageDescription MakeChild(int blockSize) => ConvertImage.Run(new ConvertImageOptions
    {
        Path = _folder["changed.raw"],
        DestinationPath = Child,
        BackingPath = "base.vhdx",
        ClusterSize = blockSize,
        Verify = true,
        Force = true,
    }).Target;

    private static VhdxParentLocator Parse(params (string, string)[] pairs) => VhdxParentLocator.Parse(Item(pairs), "/x.vhdx", 0);

    private static byte[] Item((string Key, string Value)[] pairs)
    {
        var item = new List<byte>();
        item.AddRange(VhdxIds.VhdxParent.ToByteArray());
        item.AddRange([0, 0, (byte)pairs.Length, 0]);
        var texts = new List<byte>();
        int start = 20 + (12 * pairs.Length);
        foreach ((string key, string value) in pairs)
        {
            byte[] k = Encoding.Unicode.GetBytes(key);
            byte[] v = Encoding.Unicode.GetBytes(value);
            item.AddRange(BitConverter.GetBytes(start + texts.Count));
            item.AddRange(BitConverter.GetBytes(start + texts.Count + k.Length));
            item.AddRange(BitConverter.GetBytes((ushort)k.Length));
            item.AddRange(BitConverter.GetBytes((ushort)v.Length));
            texts.AddRange(k);
            texts.AddRange(v);
        }

        item.AddRange(texts);
        return [.. item];
    }

    /// <summary>Puts another locator in the place of an image's own, which is the last of its metadata items.</summary>
    private static void Replace(byte[] image, Guid parentId, string absolutePath)
    {
        byte[] item = Item([("parent_linkage", parentId.ToString("B")), ("absolute_win32_path", absolutePath)]);
        Span<byte> entry = image.AsSpan((2 * MiB) + (6 * 32));
        BinaryPrimitives.WriteInt32LittleEndian(entry.Slice(20), item.Length);
        item.CopyTo(image, (2 * MiB) + BinaryPrimitives.ReadInt32LittleEndian(entry.Slice(16)));
    }
}
