using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Qcow2;

/// <summary>What QEMU wrote reads the same here, with every option that its images have.</summary>
public sealed class Qcow2ReadingTests : IDisposable
{
    private const int Size = (5 << 20) + 1536;

    private readonly TempFolder _folder = new();

    public Qcow2ReadingTests() => Qemu.Require();

    public static TheoryData<string> Options { get; } =
    [
        "compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=4096", "cluster_size=2097152", "lazy_refcounts=on",
        "refcount_bits=1", "refcount_bits=2", "refcount_bits=8", "refcount_bits=32", "refcount_bits=64", "compat=0.10,cluster_size=512",
        "extended_l2=on", "extended_l2=on,cluster_size=16384", "extended_l2=on,cluster_size=2097152", "preallocation=metadata", "preallocation=falloc",
    ];

    public static TheoryData<string> CompressedOptions { get; } =
    [
        "cluster_size=512", "cluster_size=4096", "cluster_size=65536", "cluster_size=2097152", "compat=0.10", "extended_l2=on",
        "compression_type=zstd", "compression_type=zstd,cluster_size=2097152", "compression_type=zstd,cluster_size=512",
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Options))]
    public void What_qemu_io_wrote_reads_the_same(string options)
    {
        string path = _folder["theirs.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", options, path, Qemu.Text(Size));
        Qemu.IoOk(path, "qcow2", ["write -P 1 0 4096", "write -P 2 1000k 300k", "write -z 1100k 64k", "write -P 3 4194304 512", "write -P 4 3m 1m", "discard 3100k 256k", $"write -P 5 {Size - 512} 512"]);
        byte[] theirs = Qcow2Files.ReadByQemu(_folder, path);
        Assert.Equal(theirs, TestImage.ReadAll(path));
        AssertExtentsAreRight(path, theirs);
    }

    [Theory]
    [MemberData(nameof(CompressedOptions))]
    public void What_qemu_img_compressed_reads_the_same_whole_and_in_odd_pieces(string options)
    {
        byte[] disk = Qcow2Files.MixedDisk(Size, 1);
        File.WriteAllBytes(_folder["disk.raw"], disk);
        string path = _folder["theirs.qcow2"];
        Qemu.ImgOk("convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, _folder["disk.raw"], path);
        Assert.Equal(disk, TestImage.ReadAll(path));
        using DiskImage image = OpenImage.ForReading(path);
        var random = new Random(2);
        for (int i = 0; i < 300; i++)
        {
            int offset = random.Next(Size);
            byte[] part = new byte[random.Next(1, Math.Min(100_000, Size - offset + 1))];
            image.Read(new GuestOffset(offset), part);
            Assert.True(part.AsSpan().SequenceEqual(disk.AsSpan(offset, part.Length)));
        }

        AssertExtentsAreRight(path, disk);
    }

    [Fact]
    public void Threads_that_read_parts_of_the_same_compressed_clusters_do_not_disturb_each_other()
    {
        byte[] disk = Qcow2Files.MixedDisk(Size, 3);
        File.WriteAllBytes(_folder["disk.raw"], disk);
        Qemu.ImgOk("convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=1M", _folder["disk.raw"], _folder["theirs.qcow2"]);
        using DiskImage image = OpenImage.ForReading(_folder["theirs.qcow2"]);
        System.Threading.Tasks.Parallel.For(0, 400, i =>
        {
            int offset = i * 7919 % (Size - 20_000);
            byte[] part = new byte[20_000];
            image.Read(new GuestOffset(offset), part);
            Assert.True(part.AsSpan().SequenceEqual(disk.AsSpan(offset, part.Length)));
        });
    }

    [Theory]
    [InlineData("extended_l2=on,cluster_size=64k")]
    [InlineData("cluster_size=4k")]
    public void Unallocated_zero_and_data_subclusters_over_a_backing_file_are_told_apart(string options)
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(3 << 20, 0xaa));
        string path = _folder["top.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", options, "-b", "base.raw", "-F", "raw", path, "4M");
        Qemu.IoOk(path, "qcow2", ["write -P 1 2k 2k", "write -z 8k 6k", "write -P 2 100k 50k", "write -z 120k 10k", "write -P 3 1m 3k", "write -z 2900k 300k", "write -zu 1200k 200k"]);
        Assert.Equal(Qcow2Files.ReadByQemu(_folder, path), TestImage.ReadAll(path));
    }

    [Fact]
    public void A_backing_file_is_opened_by_the_format_that_is_stored_and_probed_where_none_is()
    {
        string inner = _folder["inner.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", inner, "1M");
        Qemu.IoOk(inner, "qcow2", ["write -P 7 0 1M"]);
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-b", "inner.qcow2", "-F", "raw", _folder["raw.qcow2"], "1M");
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-b", "inner.qcow2", "-F", "qcow2", "-o", "compat=0.10", _folder["qcow2.qcow2"], "1M");
        Assert.Equal(File.ReadAllBytes(inner).Take(512), TestImage.ReadAll(_folder["raw.qcow2"]).Take(512));
        Assert.Equal(Patterns.Filled(1 << 20, 7), TestImage.ReadAll(_folder["qcow2.qcow2"]));
        Assert.Equal("qcow2", Describe.Of(_folder["qcow2.qcow2"]).BackingFormat);

        // As old programs wrote it: no format extension. Right behind the header of version 2 stands its tag.
        byte[] file = File.ReadAllBytes(_folder["qcow2.qcow2"]);
        Assert.Equal(0xe2792acaUL, Qcow2Files.UInt64(file, 72) >> 32);
        file.AsSpan(72, 4).Clear();
        File.WriteAllBytes(_folder["old.qcow2"], file);
        Assert.Null(Describe.Of(_folder["old.qcow2"]).BackingFormat);
        Assert.Equal(Patterns.Filled(1 << 20, 7), TestImage.ReadAll(_folder["old.qcow2"]));
    }

    [Fact]
    public void Snapshots_are_listed_and_read_by_name_and_id_with_the_size_they_had()
    {
        string path = _folder["snap.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", path, "1M");
        Qemu.IoOk(path, "qcow2", ["write -P 1 0 1M"]);
        Qemu.ImgOk("snapshot", "-c", "first", path);
        Qemu.ImgOk("resize", "-q", path, "3M");
        Qemu.IoOk(path, "qcow2", ["write -P 2 512k 2M"]);
        Qemu.ImgOk("snapshot", "-c", "größer", path);
        Qemu.IoOk(path, "qcow2", ["write -P 3 0 3M"]);

        ImageDescription described = Describe.Of(path);
        Assert.Equal(["first", "größer"], described.Snapshots);
        Assert.Equal(3 << 20, described.Size);
        Assert.Equal(Patterns.Filled(3 << 20, 3), TestImage.ReadAll(path));
        foreach (string wanted in new[] { "first", "1" })
        {
            Qcow2Files.Convert(path, _folder["out.raw"], options => options with { Snapshot = wanted, Force = true });
            Assert.Equal(Patterns.Filled(1 << 20, 1), File.ReadAllBytes(_folder["out.raw"]));
        }

        byte[] second = Patterns.Filled(3 << 20, 0);
        second.AsSpan(0, 512 << 10).Fill(1);
        second.AsSpan(512 << 10, 2 << 20).Fill(2);
        Qcow2Files.Convert(path, _folder["out.raw"], options => options with { Snapshot = "größer", Force = true });
        Assert.Equal(second, File.ReadAllBytes(_folder["out.raw"]));

        var error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(path, new ImageOpenOptions { Snapshot = "third" }));
        Assert.Contains("first, größer", error.Remedy!.Say(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("off")]
    [InlineData("on")]
    public void An_external_data_file_is_opened_with_consent_only(string raw)
    {
        string path = _folder["ext.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", $"data_file={_folder["ext.data"]},data_file_raw={raw}", path, "2M");
        Qemu.IoOk(path, "qcow2", ["write -P 1 0 100k", "write -P 2 1m 64k", "write -z 1m 4k"]);
        byte[] expected = Qcow2Files.ReadByQemu(_folder, path);
        using (DiskImage image = Qcow2Files.Open(path, new ImageOpenOptions { AllowExternalData = true }))
        {
            Assert.Equal(expected, Qcow2Files.ReadAll(image));
            Assert.All(image.GetExtents(new GuestOffset(0), image.Length), extent => Assert.Null(extent.HostOffset));
        }

        var error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(path));
        Assert.Equal(ErrorKind.BackingFileRefused, error.Kind);
        Assert.Equal(RemedyKind.AllowExternalData, error.Remedy?.Kind);
        Qcow2Files.Convert(path, _folder["out.raw"], options => options with { AllowExternalData = true });
        Assert.Equal(expected, File.ReadAllBytes(_folder["out.raw"]));

        // Describing opens no other file, so the data may be missing.
        File.Delete(_folder["ext.data"]);
        Assert.Contains("ExternalData", Describe.Of(path).Features);
        Assert.Equal(raw == "on", Describe.Of(path).Features.Contains("RawExternalData"));
        error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(path, new ImageOpenOptions { AllowExternalData = true }));
        Assert.Equal(ErrorKind.BackingFileMissing, error.Kind);
    }

    [Theory]
    [InlineData("json:{\"driver\":\"raw\"}")]
    [InlineData("nbd:localhost:10809")]
    public void A_data_file_that_is_no_path_is_refused_in_spite_of_consent(string name)
    {
        string path = _folder["ext.qcow2"];
        string stored = new('x', name.Length);
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", $"data_file={_folder[stored]}", path, "2M");
        byte[] file = File.ReadAllBytes(path);
        int tag = file.AsSpan().IndexOf("DATA"u8);
        int length = file[tag + 7];
        byte[] padded = new byte[length];
        Array.Fill(padded, (byte)' ');
        System.Text.Encoding.ASCII.GetBytes(name).CopyTo(padded, 0);
        padded.CopyTo(file, tag + 8);
        File.WriteAllBytes(path, file);
        var error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(path, new ImageOpenOptions { AllowExternalData = true }));
        Assert.Equal(ErrorKind.BackingFileRefused, error.Kind);
    }

    [Fact]
    public void An_image_that_was_not_closed_cleanly_reads_and_says_so()
    {
        string path = _folder["dirty.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", path, "1M");
        Qemu.IoOk(path, "qcow2", ["write -P 9 0 1M"]);
        Assert.False(Describe.Of(path).NeedsCheck);
        byte[] file = File.ReadAllBytes(path);
        file[79] |= 1;
        File.WriteAllBytes(path, file);
        Assert.True(Describe.Of(path).NeedsCheck);
        Assert.Equal(Patterns.Filled(1 << 20, 9), TestImage.ReadAll(path));
        file[79] |= 2;
        File.WriteAllBytes(path, file);
        Assert.Equal(["Dirty", "Corrupt"], Describe.Of(path).Features);
        Assert.Equal(Patterns.Filled(1 << 20, 9), TestImage.ReadAll(path));
        Assert.Equal(file, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData("aes", "encrypt.format=aes")]
    [InlineData("luks", "encrypt.format=luks,encrypt.iter-time=10")]
    public void Encrypted_images_are_described_and_not_read(string method, string options)
    {
        string path = _folder["secret.qcow2"];
        Qemu.Result made = Qemu.Img("create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=abc", "-o", $"{options},encrypt.key-secret=s", path, "1M");
        Assert.SkipUnless(made.ExitCode == 0, "this qemu-img cannot encrypt: " + made.Error);
        var error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(path));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        Assert.Contains(method.ToUpperInvariant(), error.Message, StringComparison.Ordinal);
        Assert.Equal(1 << 20, Describe.Of(path).Size);
        Assert.Contains("Encrypted", Describe.Of(path).Features.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bitmaps_are_no_obstacle()
    {
        string path = _folder["bitmaps.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", path, "1M");
        Qemu.ImgOk("bitmap", "--add", path, "changes");
        Qemu.IoOk(path, "qcow2", ["write -P 5 0 1M"]);
        Assert.Equal(Patterns.Filled(1 << 20, 5), TestImage.ReadAll(path));
        Assert.Contains("Bitmaps", Describe.Of(path).Features);
    }

    [Fact]
    public void Every_other_cluster_of_a_large_disk_is_found_and_empty_tables_are_passed_over()
    {
        string path = _folder["sparse.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", path, "2T");
        Qemu.IoOk(path, "qcow2", [.. Enumerable.Range(0, 20).Select(i => $"write -P 1 {i * 8192} 4096"), "write -P 2 2199023251456 4096"]);
        using DiskImage image = OpenImage.ForReading(path);
        List<Extent> extents = [.. image.GetExtents(new GuestOffset(0), image.Length)];
        // The long runs of nothing come in several pieces.
        Assert.Equal(41, 1 + extents.Zip(extents.Skip(1)).Count(pair => pair.First.Kind != pair.Second.Kind));
        Assert.Equal(21, extents.Count(extent => extent.Kind == ExtentKind.Data));
        Assert.Equal(image.Length, extents.Sum(extent => extent.Length));
    }

    /// <summary>Extents cover the disk without gaps, what is not data reads as zeroes, and data lies where they say.</summary>
    private static void AssertExtentsAreRight(string path, byte[] disk)
    {
        byte[] file = File.ReadAllBytes(path);
        using DiskImage image = OpenImage.ForReading(path);
        long offset = 0;
        foreach (Extent extent in image.GetExtents(new GuestOffset(0), image.Length))
        {
            Assert.Equal(offset, extent.Offset.Value);
            offset = extent.End.Value;
            ReadOnlySpan<byte> part = disk.AsSpan((int)extent.Offset.Value, (int)extent.Length);
            if (extent.Kind != ExtentKind.Data)
                Assert.Equal(-1, part.IndexOfAnyExcept((byte)0));
            else if (extent.HostOffset is { } host)
                Assert.True(part.SequenceEqual(file.AsSpan((int)host.Value, part.Length)));
        }

        Assert.Equal(disk.Length, offset);
    }
}
