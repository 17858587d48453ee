using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>Images go both ways between QEMU, libvhdi and us.</summary>
public sealed class VhdxInteropTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly TempFolder _folder = new();

    public VhdxInteropTests() => Qemu.Require();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, long> Disks() => new()
    {
        { "empty", 40 * MiB },
        { "full", 9 * MiB },
        { "last sector", (70 * MiB) + 512 },
        { "odd size", (20 * MiB) + (7 * 512) },
        { "every other cluster", 24 * MiB },
        { "one sector in each block", 40 * MiB },
    };

    [Theory]
    [MemberData(nameof(Disks))]
    public void What_we_write_reads_the_same_in_QEMU_and_libvhdi(string content, long size)
    {
        string raw = MakeRaw(content, size);
        foreach ((Subformat subformat, long? blockSize) in new (Subformat, long?)[] { (Subformat.Dynamic, null), (Subformat.Dynamic, MiB), (Subformat.Fixed, null) })
        {
            string image = _folder[$"{subformat}-{blockSize}.vhdx"];
            ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = image, Subformat = subformat, ClusterSize = blockSize, Verify = true });
            AssertReadsAs(raw, image);
            if (size > 0 && LibVhdiIsThere())
                Assert.True(File.ReadAllBytes(raw).AsSpan().SequenceEqual(Libvhdi.ReadAll(_folder, image)), $"{content}, {subformat}: libvhdi reads something else");
            ConvertImage.Run(new ConvertImageOptions { Path = image, DestinationPath = _folder["back.raw"], Force = true });
            Assert.True(File.ReadAllBytes(raw).AsSpan().SequenceEqual(File.ReadAllBytes(_folder["back.raw"])));
        }
    }

    [Theory]
    [InlineData("every other cluster", 24 * MiB, "dynamic", 1)]
    [InlineData("full", 9 * MiB, "fixed", 8)]
    [InlineData("last sector", (9 * MiB) + 512, "fixed,block_state_zero=off", 8)]
    [InlineData("one sector in each block", 40 * MiB, "dynamic", 16)]
    [InlineData("last sector", (70 * MiB) + 512, "dynamic", 32)]
    public void What_QEMU_writes_reads_the_same_here(string content, long size, string subformat, int blockMiB)
    {
        string raw = MakeRaw(content, size);
        string theirs = _folder["theirs.vhdx"];
        Qemu.ImgOk("convert", "-f", "raw", "-O", "vhdx", "-o", $"subformat={subformat},block_size={blockMiB}M", raw, theirs);
        byte[] read = TestImage.ReadAll(theirs);
        byte[] expected = File.ReadAllBytes(raw);
        Assert.True(expected.AsSpan().SequenceEqual(read.AsSpan(0, expected.Length)));
        ConvertImage.Run(new ConvertImageOptions { Path = theirs, DestinationPath = _folder["back.qed"], Verify = true });
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", raw, _folder["back.qed"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(256)]
    public void Every_block_size_is_written_and_read(int blockMiB)
    {
        string raw = MakeRaw("one sector in each block", 130 * MiB);
        string image = _folder["ours.vhdx"];
        ImageDescription result = ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = image, ClusterSize = blockMiB * MiB, Verify = true }).Target;
        Assert.Equal(blockMiB * MiB, result.ClusterSize);
        AssertReadsAs(raw, image);
    }

    [Fact]
    public void What_we_describe_is_what_QEMU_describes()
    {
        Qemu.ImgOk("create", "-q", "-f", "vhdx", "-o", "subformat=fixed,block_size=4M", _folder["a.vhdx"], "37M");
        ImageDescription description = Describe.Of(_folder["a.vhdx"]);
        using var json = JsonDocument.Parse(Qemu.ImgOk("info", "--output=json", _folder["a.vhdx"]));
        Assert.Equal(json.RootElement.GetProperty("format").GetString(), description.Format);
        Assert.Equal(json.RootElement.GetProperty("virtual-size").GetInt64(), description.Size);
        Assert.Equal(json.RootElement.GetProperty("cluster-size").GetInt64(), description.ClusterSize);
        Assert.Equal("fixed", description.Subformat);
        Assert.Equal(["LeaveBlocksAllocated"], description.Features);
        Assert.False(description.NeedsCheck);
        Assert.Null(description.BackingPath);
        Assert.Equal(64L << 40, description.MaximumSize);
    }

    [Theory]
    [InlineData(2L << 40)]
    [InlineData(64L << 40)]
    public void Huge_sparse_disks_are_mapped_without_reading_their_holes(long size)
    {
        TestImage.Create(_folder["huge.qed"], size);
        TestImage.Write(_folder["huge.qed"], size - 512, Patterns.Filled(512, 1));
        TestImage.Write(_folder["huge.qed"], size / 2, Patterns.Random(70_000, 2));
        string image = _folder["huge.vhdx"];
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["huge.qed"], DestinationPath = image, Verify = true });
        // QEMU would read every hole of it.
        Qemu.IoOk(image, "vhdx", [$"read -P 1 {size - 512} 512", $"read -P 0 {size - MiB} {MiB - 512}", $"read -P 0 {(size / 2) + 70_144} 1M"]);
        using DiskImage open = OpenImage.ForReading(image);
        Extent[] extents = open.GetExtents(new GuestOffset(0), open.Length).ToArray();
        Assert.InRange(extents.Count(extent => extent.Kind == ExtentKind.Data), 2, 3);
        Assert.Equal(size, extents.Sum(extent => extent.Length));
        Assert.InRange(extents.Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length), 70_512, 1 * MiB);
    }

    [Fact]
    public void A_file_system_survives_raw_to_VHDX_to_raw()
    {
        Assert.SkipUnless(File.Exists("/sbin/mke2fs") || File.Exists("/usr/sbin/mke2fs"), "mke2fs is not installed (Debian package e2fsprogs)");
        string tree = _folder["tree"];
        Directory.CreateDirectory(tree);
        for (int i = 0; i < 200; i++)
            File.WriteAllBytes(Path.Combine(tree, $"file{i}"), Patterns.Random(i * 971 % 150_000, i));
        string raw = _folder["fs.raw"];
        Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, raw, "96M").ExitCode);
        ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = _folder["fs.vhdx"], Verify = true });
        AssertReadsAs(raw, _folder["fs.vhdx"]);
        Qemu.ImgOk("convert", "-f", "raw", "-O", "vhdx", raw, _folder["theirs.vhdx"]);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["theirs.vhdx"], DestinationPath = _folder["back.raw"], Verify = true });
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "raw", raw, _folder["back.raw"]), StringComparison.Ordinal);
        Assert.Equal(0, Qemu.Run("e2fsck", "-fn", _folder["back.raw"]).ExitCode);
    }

    [Fact]
    public void QEMU_goes_on_writing_where_we_left_off()
    {
        string raw = MakeRaw("every other cluster", 24 * MiB);
        string image = _folder["ours.vhdx"];
        ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = image, ClusterSize = MiB });
        string[] writes = ["write -P 7 3m 70k", "write -P 9 20m 512", "write -P 5 23m 1m"];
        Qemu.IoOk(image, "vhdx", writes);
        Qemu.IoOk(raw, "raw", writes);
        Assert.Equal(0, Qemu.Img("check", "-f", "vhdx", image).ExitCode);
        Assert.True(File.ReadAllBytes(raw).AsSpan().SequenceEqual(TestImage.ReadAll(image)));
    }

    private static bool LibVhdiIsThere()
    {
        try
        {
            Libvhdi.Require();
            return true;
        }
        catch (Exception skipped) when (skipped is not OutOfMemoryException)
        {
            return false;
        }
    }

    private string MakeRaw(string content, long size)
    {
        string path = _folder["content.raw"];
        using FileStream file = SparseFile.Create(path, size);
        void Put(long offset, byte[] bytes)
        {
            file.Position = offset;
            file.Write(bytes, 0, (int)Math.Min(bytes.Length, size - offset));
        }

        switch (content)
        {
            case "full":
                Put(0, Patterns.Random((int)size, 1));
                break;
            case "last sector":
                Put(size - 512, Patterns.Random(512, 2));
                break;
            case "odd size":
                for (long at = 1000 * 512; at < size; at += 3_000_320)
                    Put(at, Patterns.Random(100_000, (int)at));
                Put(size - 512, Patterns.Filled(512, 3));
                break;
            case "every other cluster":
                for (long at = 0; at < size; at += 128 << 10)
                    Put(at, Patterns.Random(64 << 10, (int)at));
                break;
            case "one sector in each block":
                for (long at = 512; at < size; at += MiB)
                    Put(at, Patterns.Filled(512, (byte)(1 + (at / MiB))));
                break;
        }

        return path;
    }

    private static void AssertReadsAs(string raw, string image)
    {
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "vhdx", raw, image), StringComparison.Ordinal);
        Assert.Equal(0, Qemu.Img("check", "-f", "vhdx", image).ExitCode);
        Assert.Equal("vhdx", FormatOf(image));
    }

    private static string? FormatOf(string image)
    {
        using var json = JsonDocument.Parse(Qemu.ImgOk("info", "--output=json", image));
        return json.RootElement.GetProperty("format").GetString();
    }
}
