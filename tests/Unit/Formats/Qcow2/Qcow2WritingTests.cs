using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Targets;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Qcow2;

/// <summary>What we write reads the same in QEMU and libyal, and qemu-img check finds every reference count right.</summary>
public sealed class Qcow2WritingTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public Qcow2WritingTests() => Qemu.Require();

    public static TheoryData<int, bool> ClusterSizes()
    {
        var data = new TheoryData<int, bool>();
        for (int bits = 9; bits <= 21; bits++)
        {
            data.Add(1 << bits, false);
            data.Add(1 << bits, true);
        }

        return data;
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(ClusterSizes))]
    public void Every_cluster_size_plain_and_compressed_is_clean_and_the_same(int clusterSize, bool compress)
    {
        byte[] disk = Qcow2Files.MixedDisk((6 << 20) + 1536, clusterSize + 1);
        string raw = Raw(disk);
        string path = Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with { ClusterSize = clusterSize, Compress = compress });
        Qcow2Files.AssertClean(path);
        Qcow2Files.AssertSameAsRaw(raw, path);
        Qcow2Files.Convert(path, _folder["back.raw"]);
        Assert.Equal(disk, File.ReadAllBytes(_folder["back.raw"]));
        if (compress)
            Assert.InRange(new FileInfo(path).Length, 1, (disk.Length / 2) + (5 * clusterSize));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(512, true)]
    [InlineData(65536, false)]
    public void Empty_disks_are_legal(long size, bool compress)
    {
        string raw = _folder["empty.raw"];
        File.WriteAllBytes(raw, new byte[size]);
        string path = Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with { Compress = compress });
        Qcow2Files.AssertClean(path);
        Assert.Equal(size, Describe.Of(path).Size);
        Qcow2Files.AssertSameAsRaw(raw, path);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_full_disk_of_noise_is_clean_and_stays_plain(bool compress)
    {
        byte[] disk = Patterns.Random(8 << 20, 5);
        string raw = Raw(disk);
        string path = Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with { Compress = compress });
        Qcow2Files.AssertClean(path);
        Qcow2Files.AssertSameAsRaw(raw, path);
        Assert.InRange(new FileInfo(path).Length, disk.Length, disk.Length + (8 * 65536));
        using DiskImage image = OpenImage.ForReading(path);
        Assert.NotNull(image.GetExtent(new GuestOffset(0), disk.Length).HostOffset);
        Assert.Equal(disk.Length, image.GetExtent(new GuestOffset(0), disk.Length).Length);
    }

    [Fact]
    public void What_compresses_to_almost_nothing_shares_clusters_by_the_hundred()
    {
        byte[] disk = Patterns.Filled(64 << 20, 0x5a);
        string raw = Raw(disk);
        string path = Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with { Compress = true });
        Qcow2Files.AssertClean(path);
        Qcow2Files.AssertSameAsRaw(raw, path);
        Assert.InRange(new FileInfo(path).Length, 1, 8 * 65536);
    }

    [Theory]
    [InlineData(2L << 40, 65536)]
    [InlineData(2L << 40, 2097152)]
    [InlineData(100L << 30, 512)]
    public void Sparse_disks_with_every_other_cluster_at_the_start_and_one_last_sector_are_clean(long size, int clusterSize)
    {
        string raw = _folder["disk.raw"];
        using (var file = new FileStream(raw, FileMode.CreateNew))
        {
            for (int i = 0; i < 20; i++)
            {
                file.Position = (long)i * 2 * Math.Max(4096, clusterSize);
                file.Write(Patterns.Filled(4096, (byte)(i + 1)));
            }

            file.Position = size - 512;
            file.Write(Patterns.Filled(512, 0x77));
        }

        string path = Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with { ClusterSize = clusterSize });
        Qcow2Files.AssertClean(path);
        Qemu.IoOk(path, "qcow2", ["read -P 1 0 4096", $"read -P 2 {2 * Math.Max(4096, clusterSize)} 4096", $"read -P 0x77 {size - 512} 512"]);
        using DiskImage image = OpenImage.ForReading(path);
        byte[] last = new byte[1024];
        image.Read(new GuestOffset(size - 1024), last);
        Assert.Equal(Patterns.Filled(512, 0x77), last.Skip(512));
    }

    [Theory]
    [InlineData(4096, false, "qcow2")]
    [InlineData(65536, false, "raw")]
    [InlineData(65536, true, "qcow2")]
    [InlineData(512, false, "qed")]
    [InlineData(2097152, true, "raw")]
    public void Only_what_differs_from_a_backing_file_is_written_and_zeroes_hide_it(int clusterSize, bool compress, string backingFormat)
    {
        byte[] old = Qcow2Files.MixedDisk(7 << 20, 11);
        byte[] disk = (byte[])old.Clone();
        Patterns.Random(100_000, 12).CopyTo(disk, 1_000_000);
        disk.AsSpan(3 << 20, 1 << 20).Clear();
        Patterns.Filled(5000, 1).CopyTo(disk, 6 << 20);
        string raw = Raw(disk);
        File.WriteAllBytes(_folder["old.raw"], old);
        string backing = "old.raw";
        if (backingFormat != "raw")
            backing = Path.GetFileName(Qcow2Files.Convert(_folder["old.raw"], _folder["old." + backingFormat]));
        string path = Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with
        {
            ClusterSize = clusterSize,
            Compress = compress,
            BackingPath = backing,
            BackingFormat = backingFormat,
        });
        Qcow2Files.AssertClean(path);
        Qcow2Files.AssertSameAsRaw(raw, path);
        Assert.Equal(disk, TestImage.ReadAll(path));
        ImageDescription described = Describe.Of(path);
        Assert.Equal((backing, backingFormat), (described.BackingPath, described.BackingFormat));
        if (clusterSize <= 65536)
            Assert.InRange(described.FileSize, 1, 1_000_000);
    }

    [Fact]
    public void QEMU_goes_on_writing_where_we_left_off()
    {
        byte[] disk = Qcow2Files.MixedDisk(4 << 20, 21);
        string path = Qcow2Files.Convert(Raw(disk), _folder["ours.qcow2"], options => options with { Compress = true });
        Qemu.IoOk(path, "qcow2", ["write -P 1 100k 300k", "write -P 2 3m 10k", "write -z 2m 100k"]);
        Qemu.ImgOk("snapshot", "-c", "one", path);
        Qemu.IoOk(path, "qcow2", ["write -P 3 1m 1m"]);
        Qcow2Files.AssertClean(path);
        Assert.Equal(Qcow2Files.ReadByQemu(_folder, path), TestImage.ReadAll(path));
    }

    [Fact]
    public void QEMU_describes_our_image_as_we_do()
    {
        string path = Qcow2Files.Convert(Raw(Qcow2Files.MixedDisk(3 << 20, 31)), _folder["ours.qcow2"], options => options with { ClusterSize = 131072 });
        using var json = JsonDocument.Parse(Qemu.ImgOk("info", "--output=json", path));
        JsonElement data = json.RootElement.GetProperty("format-specific").GetProperty("data");
        ImageDescription ours = Describe.Of(path);
        Assert.Equal("qcow2", json.RootElement.GetProperty("format").GetString());
        Assert.Equal("qcow2", ours.Format);
        Assert.Equal(json.RootElement.GetProperty("virtual-size").GetInt64(), ours.Size);
        Assert.Equal(json.RootElement.GetProperty("cluster-size").GetInt64(), ours.ClusterSize);
        Assert.Equal(json.RootElement.GetProperty("actual-size").GetInt64(), ours.AllocatedSize);
        Assert.Equal(json.RootElement.GetProperty("dirty-flag").GetBoolean(), ours.NeedsCheck);
        Assert.Equal(("1.1", "version 3"), (data.GetProperty("compat").GetString(), ours.Subformat));
        Assert.Equal(16, data.GetProperty("refcount-bits").GetInt32());
        Assert.False(data.GetProperty("lazy-refcounts").GetBoolean());
        Assert.Empty(ours.Features);
        Assert.Equal(2L << 50, Describe.Of(Qcow2Files.Convert(path, _folder["default.qcow2"])).MaximumSize);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Libyal_reads_our_images_too(bool compress)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/qcowinfo"), "qcowinfo is not installed (Debian package libqcow-utils)");
        byte[] disk = Qcow2Files.MixedDisk(5 << 20, 41);
        string path = Qcow2Files.Convert(Raw(disk), _folder["ours.qcow2"], options => options with { Compress = compress });
        Qemu.Result info = Qemu.Run("qcowinfo", path);
        Assert.True(info.ExitCode == 0, info.Output + info.Error);
        Assert.Contains("(5242880 bytes)", info.Output, StringComparison.Ordinal);
        string mount = _folder["mount"];
        Directory.CreateDirectory(mount);
        Assert.SkipUnless(File.Exists("/dev/fuse") && Qemu.Run("qcowmount", path, mount).ExitCode == 0, "this host has no FUSE");
        try
        {
            Assert.Equal(disk, File.ReadAllBytes(Path.Combine(mount, "qcow1")));
        }
        finally
        {
            // Without fusermount only root can have mounted it. Lazily: a process that another test is just starting may hold it.
            Assert.Equal(0, (File.Exists("/usr/bin/fusermount") ? Qemu.Run("fusermount", "-u", "-z", mount) : Qemu.Run("umount", "--lazy", mount)).ExitCode);
        }
    }

    [Fact]
    public void A_file_system_survives_the_way_through_a_compressed_image()
    {
        Assert.SkipUnless(File.Exists("/sbin/mke2fs") || File.Exists("/usr/sbin/mke2fs"), "mke2fs is not installed (Debian package e2fsprogs)");
        string tree = _folder["tree"];
        Directory.CreateDirectory(tree);
        for (int i = 0; i < 100; i++)
            File.WriteAllBytes(Path.Combine(tree, $"file{i}"), Qcow2Files.MixedDisk((i * 977 % 100_000) + 1, i));
        string raw = _folder["fs.raw"];
        Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, raw, "64M").ExitCode);
        string image = Qcow2Files.Convert(raw, _folder["fs.qcow2"], options => options with { Compress = true });
        Qcow2Files.AssertClean(image);
        Qcow2Files.AssertSameAsRaw(raw, image);
        Qcow2Files.Convert(image, _folder["fs.qed"]);
        Qcow2Files.Convert(_folder["fs.qed"], _folder["again.qcow2"]);
        Qcow2Files.AssertClean(_folder["again.qcow2"]);
        Qcow2Files.Convert(_folder["again.qcow2"], _folder["back.raw"]);
        Assert.Equal(0, Qemu.Run("e2fsck", "-fn", _folder["back.raw"]).ExitCode);
        Qcow2Files.AssertSameAsRaw(raw, _folder["again.qcow2"]);
    }

    [Theory]
    [InlineData(1000, "1024")]
    [InlineData(256, "512")]
    [InlineData(4194304, "2097152")]
    [InlineData(0, "512")]
    public void A_cluster_size_that_does_not_work_is_refused_with_the_nearest_one(int clusterSize, string nearest)
    {
        string raw = Raw(new byte[4096]);
        var error = Assert.Throws<DiskImageException>(() => Qcow2Files.Convert(raw, _folder["ours.qcow2"], options => options with { ClusterSize = clusterSize }));
        Assert.Equal(ErrorKind.InvalidGeometry, error.Kind);
        Assert.Contains(nearest, error.Remedy!.Say(), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["ours.qcow2"]));
    }

    [Fact]
    public void A_disk_that_its_cluster_size_cannot_hold_is_refused()
    {
        using Destination file = Destination.Begin(_folder["ours.qcow2"], overwrite: false);
        ImageFormat format = FormatRegistry.ByName("qcow2");
        var error = Assert.Throws<DiskImageException>(() => format.CreateWriter(file, new TargetOptions { Size = (128L << 30) + 512, ClusterSize = 512 }));
        Assert.Equal(ErrorKind.InvalidSize, error.Kind);
        error = Assert.Throws<DiskImageException>(() => format.CreateWriter(file, new TargetOptions { Size = 513 }));
        Assert.Equal(ErrorKind.InvalidSize, error.Kind);
        error = Assert.Throws<DiskImageException>(() => format.CreateWriter(file, new TargetOptions { Size = 512, Subformat = Subformat.Fixed }));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        error = Assert.Throws<DiskImageException>(() => format.CreateWriter(file, new TargetOptions { Size = 512, ClusterSize = 512, Backing = new BackingReference(new string('x', 400), "raw") }));
        Assert.Equal(ErrorKind.BackingFileRefused, error.Kind);
    }

    private string Raw(byte[] disk)
    {
        string path = _folder["disk.raw"];
        File.WriteAllBytes(path, disk);
        return path;
    }
}
