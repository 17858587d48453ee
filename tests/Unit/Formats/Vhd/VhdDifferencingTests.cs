using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhd;

/// <summary>Differencing VHDs; QEMU returns zeroes for the parent's data, so libvhdi is the independent reader.</summary>
public sealed class VhdDifferencingTests : IDisposable
{
    private const int Size = (9 << 20) + 1536;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Subformat.Dynamic, null)]
    [InlineData(Subformat.Dynamic, 512L << 10)]
    public void A_chain_of_three_holds_only_differences_and_reads_the_same_in_libvhdi(Subformat parent, long? blockSize)
    {
        byte[] disk = Patterns.Random(Size, 1);
        string grandparent = Make("base.vhd", disk, null, parent);
        disk.AsSpan(1_000_000, 50_000).Fill(3);
        disk.AsSpan(Size - 512).Fill(4);
        disk.AsSpan(3 << 20, 1 << 20).Clear();
        string middle = Make("middle.vhd", disk, "base.vhd", blockSize: blockSize);
        disk.AsSpan(1_020_000, 700).Fill(5);
        disk.AsSpan((3 << 20) + 4096, 4096).Fill(6);
        disk.AsSpan(0, 512).Clear();
        string top = Make("top.vhd", disk, "middle.vhd", blockSize: blockSize);

        Assert.Equal(disk, TestImage.ReadAll(top));
        Assert.True(new FileInfo(top).Length < 8 << 20);
        ImageDescription description = Describe.Of(top);
        Assert.Equal("differencing", description.Subformat);
        Assert.Equal("vhd", description.BackingFormat);
        Assert.Equal(middle, description.BackingFullPath);
        Assert.Equal(disk, Libvhdi.ReadAll(_folder, top, middle, grandparent));
        Assert.Equal(disk, TestImage.ReadAll(Convert(top, "flat.qed")));
    }

    [Fact]
    public void A_fixed_disk_can_be_the_parent()
    {
        byte[] disk = Patterns.Random(4 << 20, 2);
        string parent = Make("base.vhd", disk, null, Subformat.Fixed);
        disk.AsSpan(2 << 20, 5000).Clear();
        string child = Make("child.vhd", disk, "base.vhd");
        Assert.Equal(disk, TestImage.ReadAll(child));
        Assert.Equal(disk, Libvhdi.ReadAll(_folder, child, parent));
    }

    [Fact]
    public void The_parent_is_named_relatively_absolutely_and_by_its_bare_name()
    {
        Directory.CreateDirectory(_folder["bases"]);
        string parent = Make("bases/báse.vhd", new byte[Size], null);
        string child = Make("child.vhd", Patterns.Filled(Size, 1), "bases/báse.vhd");
        byte[] file = File.ReadAllBytes(child);
        Assert.Equal("báse.vhd", Encoding.BigEndianUnicode.GetString(file, 512 + 64, 512).TrimEnd('\0'));
        Assert.Equal(@".\bases\báse.vhd", LocatorText(file, "W2ru"));
        Assert.Equal(parent.Replace('/', '\\'), LocatorText(file, "W2ku"));

        // The images move together; then the parent moves beside the child.
        string moved = _folder["moved"];
        Directory.CreateDirectory(moved);
        Directory.Move(_folder["bases"], Path.Combine(moved, "bases"));
        File.Move(child, Path.Combine(moved, "child.vhd"));
        child = Path.Combine(moved, "child.vhd");
        Assert.Equal(1, TestImage.ReadAll(child)[0]);
        File.Move(Path.Combine(moved, "bases", "báse.vhd"), Path.Combine(moved, "báse.vhd"));
        Assert.Equal(Path.Combine(moved, "báse.vhd"), Describe.Of(child).BackingFullPath);
        Assert.Equal(1, TestImage.ReadAll(child)[0]);
        File.Delete(Path.Combine(moved, "báse.vhd"));
        Assert.Equal(ErrorKind.BackingFileMissing, Assert.Throws<DiskImageException>(() => TestImage.ReadAll(child)).Kind);
    }

    [Theory]
    [InlineData("W2ku", @"C:\images\base.vhd", 512)]
    [InlineData("W2ku", @"C:\images\base.vhd", 1)]
    [InlineData("W2ru", @".\base.vhd", 1)]
    [InlineData("W2ru", @"base.vhd", 0)]
    [InlineData("Wi2r", @".\base.vhd", 512)]
    [InlineData("MacX", "file://localhost/nowhere/base.vhd", 1)]
    [InlineData("MacX", "file://localhost{0}/base%2Evhd", 1)]
    public void Names_of_every_platform_lead_to_the_parent(string platform, string name, uint space)
    {
        byte[] disk = Patterns.Random(Size, 3);
        Make("base.vhd", disk, null);
        string child = Make("child.vhd", disk, "base.vhd");
        byte[] file = File.ReadAllBytes(child);
        // One locator is left, and no other name.
        file.AsSpan(512 + 64, 512).Clear();
        file.AsSpan(512 + 576, 8 * 24).Clear();
        name = name.Replace("{0}", _folder.Path, StringComparison.Ordinal);
        byte[] text = platform.StartsWith("W2", StringComparison.Ordinal) ? Encoding.Unicode.GetBytes(name) : Encoding.UTF8.GetBytes(name);
        file.AsSpan(1536, 512).Clear();
        text.CopyTo(file, 1536);
        PutLocator(file, platform, space, (uint)text.Length, 1536);
        File.WriteAllBytes(child, file);
        Assert.Equal(disk, TestImage.ReadAll(child));
        Assert.Equal(_folder["base.vhd"], Describe.Of(child).BackingFullPath);
    }

    [Fact]
    public void Another_parent_of_the_same_name_is_refused()
    {
        Make("base.vhd", new byte[Size], null);
        string child = Make("child.vhd", Patterns.Filled(Size, 1), "base.vhd");
        File.Delete(_folder["base.vhd"]);
        Make("base.vhd", new byte[Size], null);
        Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => TestImage.ReadAll(child)).Kind);
    }

    [Fact]
    public void A_parent_that_was_changed_meanwhile_brings_a_warning()
    {
        Make("base.vhd", new byte[Size], null);
        File.SetLastWriteTimeUtc(_folder["base.vhd"], DateTime.UtcNow.AddDays(-2));
        string child = Make("child.vhd", Patterns.Filled(Size, 1), "base.vhd");
        Assert.Empty(Warnings(child));
        File.SetLastWriteTimeUtc(_folder["base.vhd"], DateTime.UtcNow.AddDays(-1));
        Assert.Contains("time stamps", Assert.Single(Warnings(child)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_parent_of_another_format_or_size_is_refused_by_name()
    {
        string raw = _folder["disk.raw"];
        File.WriteAllBytes(raw, new byte[Size]);
        var options = new ConvertImageOptions { Path = raw, DestinationPath = _folder["child.vhd"], BackingPath = "disk.raw" };
        DiskImageException error = Assert.Throws<DiskImageException>(() => ConvertImage.Run(options));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        Assert.Contains("must be a VHD", error.Message, StringComparison.Ordinal);

        Make("base.vhd", new byte[Size + 512], null);
        error = Assert.Throws<DiskImageException>(() => ConvertImage.Run(options with { BackingPath = "base.vhd" }));
        Assert.Equal(ErrorKind.InvalidSize, error.Kind);
        Assert.Equal(ErrorKind.UnsupportedFeature, Assert.Throws<DiskImageException>(() => ConvertImage.Run(
            options with { BackingPath = "base.vhd", Subformat = Subformat.Fixed })).Kind);
        Assert.False(File.Exists(_folder["child.vhd"]));
    }

    [Theory]
    [InlineData(uint.MaxValue, 1536L, ErrorKind.ImageCorrupt)]
    [InlineData(600U, 1536L, ErrorKind.ImageCorrupt)]
    [InlineData(20U, long.MaxValue, ErrorKind.ImageCorrupt)]
    [InlineData(20U, -1L, ErrorKind.ImageCorrupt)]
    [InlineData(0U, 1536L, ErrorKind.ImageCorrupt)]
    public void A_broken_locator_is_named(uint length, long offset, ErrorKind kind)
    {
        Make("base.vhd", new byte[Size], null);
        string child = Make("child.vhd", Patterns.Filled(Size, 1), "base.vhd");
        byte[] file = File.ReadAllBytes(child);
        file.AsSpan(512 + 64, 512).Clear();
        file.AsSpan(512 + 576, 8 * 24).Clear();
        PutLocator(file, "W2ru", 1, length, offset);
        File.WriteAllBytes(child, file);
        Assert.Equal(kind, Assert.Throws<DiskImageException>(() => Describe.Of(child)).Kind);
    }

    private static string LocatorText(byte[] file, string platform)
    {
        for (int at = 512 + 576; at < 512 + 768; at += 24)
        {
            if (Encoding.ASCII.GetString(file, at, 4) == platform)
            {
                int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at + 8));
                return Encoding.Unicode.GetString(file, (int)BinaryPrimitives.ReadInt64BigEndian(file.AsSpan(at + 16)), length);
            }
        }

        return string.Empty;
    }

    private static void PutLocator(byte[] file, string platform, uint space, uint length, long offset)
    {
        Span<byte> locator = file.AsSpan(512 + 576, 24);
        Encoding.ASCII.GetBytes(platform, locator);
        BinaryPrimitives.WriteUInt32BigEndian(locator[4..], space);
        BinaryPrimitives.WriteUInt32BigEndian(locator[8..], length);
        BinaryPrimitives.WriteInt64BigEndian(locator[16..], offset);
        VhdBytes.Seal(file.AsSpan(512, 1024), 36);
    }

    private static IReadOnlyList<string> Warnings(string path)
    {
        var warnings = new LoggedWarnings();
        using (OpenImage.ForReading(path, logger: warnings.Logger))
            return warnings.Messages;
    }

    private string Make(string name, byte[] disk, string? parent, Subformat subformat = Subformat.Dynamic, long? blockSize = null)
    {
        File.WriteAllBytes(_folder["contents.raw"], disk);
        return Convert(_folder["contents.raw"], name, parent, subformat, blockSize);
    }

    private string Convert(string source, string target, string? parent = null, Subformat subformat = Subformat.Dynamic, long? blockSize = null)
    {
        ConvertImage.Run(new ConvertImageOptions
        {
            Path = source,
            DestinationPath = _folder[target],
            BackingPath = parent,
            Subformat = subformat,
            ClusterSize = blockSize,
            Verify = true,
        });
        return _folder[target];
    }
}
