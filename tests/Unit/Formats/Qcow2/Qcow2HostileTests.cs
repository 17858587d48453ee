using System;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Images;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Qcow2;

/// <summary>Every rule of every structure broken once: a named error, nothing else. No other program is needed.</summary>
public sealed class Qcow2HostileTests : IDisposable
{
    private const int ClusterSize = 65536;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(4, 1u, ErrorKind.UnsupportedFeature, "qcow format, version 1")]
    [InlineData(4, 4u, ErrorKind.UnsupportedFeature, "version 4")]
    [InlineData(4, 0u, ErrorKind.UnsupportedFeature, "version 0")]
    [InlineData(12, 0xffffffffu, ErrorKind.ImageCorrupt, "first cluster")]
    [InlineData(20, 8u, ErrorKind.ImageCorrupt, "cluster size")]
    [InlineData(20, 22u, ErrorKind.ImageCorrupt, "cluster size")]
    [InlineData(20, 0xffffffffu, ErrorKind.ImageCorrupt, "cluster size")]
    [InlineData(24, 0x80000000u, ErrorKind.ImageCorrupt, "2^63")]
    [InlineData(24, 0x7fffffffu, ErrorKind.ImageCorrupt, "too few entries")]
    [InlineData(32, 3u, ErrorKind.ImageCorrupt, "encryption method")]
    [InlineData(32, 1u, ErrorKind.UnsupportedFeature, "AES")]
    [InlineData(32, 2u, ErrorKind.UnsupportedFeature, "LUKS")]
    [InlineData(36, 0u, ErrorKind.ImageCorrupt, "too few entries")]
    [InlineData(36, 4194305u, ErrorKind.ImageCorrupt, "32 MiB")]
    [InlineData(36, 4194304u, ErrorKind.ImageCorrupt, "beyond the end")]
    [InlineData(36, 0xffffffffu, ErrorKind.ImageCorrupt, "32 MiB")]
    [InlineData(40, 0xffffffffu, ErrorKind.ImageCorrupt, "beyond the end")]
    [InlineData(44, 1u, ErrorKind.ImageCorrupt, "not aligned")]
    [InlineData(44, 0u, ErrorKind.ImageCorrupt, "inside the header")]
    [InlineData(48, 0xffffffffu, ErrorKind.ImageCorrupt, "beyond the end")]
    [InlineData(52, 512u, ErrorKind.ImageCorrupt, "not aligned")]
    [InlineData(52, 0u, ErrorKind.ImageCorrupt, "inside the header")]
    [InlineData(56, 0u, ErrorKind.ImageCorrupt, "no refcount table")]
    [InlineData(56, 129u, ErrorKind.ImageCorrupt, "8 MiB")]
    [InlineData(60, 65537u, ErrorKind.ImageCorrupt, "65536 snapshots")]
    [InlineData(60, 1u, ErrorKind.ImageCorrupt, "snapshot table lies inside the header")]
    [InlineData(72, 0x80000000u, ErrorKind.UnsupportedFeature, "bit 63")]
    [InlineData(76, 0x20u, ErrorKind.UnsupportedFeature, "bit 5")]
    [InlineData(76, 0x08u, ErrorKind.ImageCorrupt, "contradict")]
    [InlineData(76, 0x04u, ErrorKind.UnsupportedFeature, "does not say in which")]
    [InlineData(92, 0x02u, ErrorKind.ImageCorrupt, "said to be raw")]
    [InlineData(96, 7u, ErrorKind.ImageCorrupt, "64 bits")]
    [InlineData(100, 103u, ErrorKind.ImageCorrupt, "header length")]
    [InlineData(100, 108u, ErrorKind.ImageCorrupt, "header length")]
    [InlineData(100, 65544u, ErrorKind.ImageCorrupt, "larger than a cluster")]
    [InlineData(104, 0x01000000u, ErrorKind.ImageCorrupt, "contradict")]
    [InlineData(116, 0x7fffffffu, ErrorKind.ImageCorrupt, "header extension")]
    [InlineData(116, 0xffffffffu, ErrorKind.ImageCorrupt, "header extension")]
    public void A_header_field_that_breaks_its_rule_is_named(int offset, uint value, ErrorKind kind, string says)
    {
        byte[] file = Valid();
        Qcow2Files.Put32(file, offset, value);
        AssertRefused(file, kind, says);
    }

    [Theory]
    [InlineData(48, 1UL << 63)]
    [InlineData(48, 0xffffffffffff0000)]
    [InlineData(48, 0x7fffffffffff0000)]
    [InlineData(64, 1UL << 63)]
    [InlineData(64, 0xffffffffffff0000)]
    [InlineData(64, 0x7fffffffffff0000)]
    public void A_table_that_lies_nowhere_is_refused_also_where_missing_parts_are_allowed(int offset, ulong value)
    {
        byte[] file = Valid();
        Qcow2Files.Put32(file, 60, 1);
        Qcow2Files.Put64(file, 64, ClusterSize);
        Qcow2Files.Put64(file, offset, value);
        var salvaging = new ImageOpenOptions { AllowMissingData = true };
        var error = Assert.Throws<DiskImageException>(() => FormatRegistry.ByName("qcow2").Open(new MemoryStorage(file), salvaging));
        Assert.Equal((ErrorKind.ImageCorrupt, (ulong?)value), (error.Kind, error.Value));
    }

    [Fact]
    public void Backing_names_that_are_too_long_outside_or_no_text_are_refused()
    {
        byte[] file = Valid();
        Qcow2Files.Put64(file, 8, 1000);
        Qcow2Files.Put32(file, 16, 1024);
        AssertRefused(file, ErrorKind.ImageCorrupt, "1023 bytes");
        Qcow2Files.Put64(file, 8, ClusterSize - 1000);
        Qcow2Files.Put32(file, 16, 1001);
        AssertRefused(file, ErrorKind.ImageCorrupt, "first cluster");
        Qcow2Files.Put64(file, 8, 1000);
        Qcow2Files.Put32(file, 16, 3);
        AssertRefused(file, ErrorKind.ImageCorrupt, "NUL");
        file.AsSpan(1000, 3).Fill(0xff);
        AssertRefused(file, ErrorKind.ImageCorrupt, "UTF-8");
    }

    [Fact]
    public void Unknown_features_are_called_by_the_image_s_own_name_for_them()
    {
        byte[] file = Valid();
        file[79] = 0x40;
        int table = file.AsSpan().IndexOf("dirty bit"u8) - 2;
        file[table + 1] = 6;
        "time travel\n"u8.CopyTo(file.AsSpan(table + 2));
        var error = AssertRefused(file, ErrorKind.UnsupportedFeature, "'time travel?' (bit 6)");
        Assert.Equal(72, error.Offset);
    }

    [Fact]
    public void A_format_name_or_a_compression_type_that_is_unknown_is_refused()
    {
        byte[] file = Valid();
        file[79] = 8;
        file[104] = 2;
        AssertRefused(file, ErrorKind.UnsupportedFeature, "method 2");
        file = Valid();
        Qcow2Files.Put32(file, 112, 0xe2792aca);
        AssertRefused(file, ErrorKind.ImageCorrupt, "15 bytes");
        Qcow2Files.Put32(file, 112, 0x44415441);
        Qcow2Files.Put32(file, 116, 2000);
        AssertRefused(file, ErrorKind.ImageCorrupt, "data file name");
    }

    [Fact]
    public void Extended_entries_need_large_clusters()
    {
        byte[] file = Valid(clusterSize: 8192);
        file[79] = 16;
        AssertRefused(file, ErrorKind.ImageCorrupt, "16 KiB");
    }

    [Theory]
    [InlineData(0x0100_0000_0000_0000UL, "reserved bits")]
    [InlineData(0x0000_0000_0000_0001UL, "reserved bits")]
    [InlineData(0x0000_0000_0000_0200UL, "not aligned")]
    [InlineData(0x0080_0000_0000_0000UL, "beyond the end")]
    public void An_L1_entry_that_breaks_its_rule_is_an_error_for_those_who_read_there(ulong change, string says)
    {
        byte[] file = Valid();
        long l1 = (long)Qcow2Files.UInt64(file, 40);
        Qcow2Files.Put64(file, l1, Qcow2Files.UInt64(file, l1) ^ change);
        var error = AssertUnreadable(file, says);
        Assert.Equal(l1, error.Offset);
    }

    [Theory]
    [InlineData(0x8200_0000_0001_0000UL, "reserved bits")]
    [InlineData(0x8000_0000_0001_0002UL, "reserved bits")]
    [InlineData(0x8000_0000_0001_0200UL, "not aligned")]
    [InlineData(0x8080_0000_0000_0000UL, "beyond the end")]
    [InlineData(0x8000_0000_0000_0000UL, "inside the header")]
    [InlineData(0xc000_0000_0001_0000UL, "not shared")]
    [InlineData(0x4000_0000_0000_1000UL, "inside the header")]
    [InlineData(0x4030_0000_0000_0000UL, "beyond the end")]
    [InlineData(0x7fff_ffff_ffff_ffffUL, "beyond the end")]
    [InlineData(0x4000_0000_0001_0000UL, "damaged")]
    [InlineData(0x7fc0_0000_0001_0000UL, "damaged")]
    public void An_L2_entry_that_breaks_its_rule_is_an_error_for_those_who_read_there(ulong entry, string says)
    {
        byte[] file = Valid();
        Qcow2Files.Put64(file, L2Of(file), entry);
        AssertUnreadable(file, says);
    }

    [Fact]
    public void Zero_clusters_in_version_2_and_contradictory_subclusters_are_errors()
    {
        byte[] file = Valid();
        file[7] = 2;
        Qcow2Files.Put64(file, L2Of(file), 1);
        // Behind the header of version 2 stand the fields of version 3, which would pass for extensions.
        file.AsSpan(72, 8).Clear();
        AssertUnreadable(file, "version 2");

        file = Valid();
        file[79] = 16;
        long l2 = L2Of(file);
        file.AsSpan((int)l2, ClusterSize).Clear();
        Qcow2Files.Put64(file, l2, 0x8000_0000_0001_0000);
        Qcow2Files.Put64(file, l2 + 8, 0x0000_0001_0000_0001);
        AssertUnreadable(file, "has data and reads as zeroes");
        Qcow2Files.Put64(file, l2, 0);
        Qcow2Files.Put64(file, l2 + 8, 1);
        AssertUnreadable(file, "without a cluster");
        Qcow2Files.Put64(file, l2, 0x8000_0000_0001_0001);
        AssertUnreadable(file, "reserved bits");
    }

    [Fact]
    public void Snapshot_entries_that_reach_too_far_are_refused()
    {
        byte[] file = [.. Valid(), .. new byte[ClusterSize]];
        long table = file.Length - ClusterSize;
        Qcow2Files.Put32(file, 60, 1);
        Qcow2Files.Put64(file, 64, (ulong)table);
        Qcow2Files.Put32(file, table + 36, 1025);
        AssertRefused(file, ErrorKind.ImageCorrupt, "1024 bytes");
        Qcow2Files.Put32(file, table + 36, 16);
        Qcow2Files.Put32(file, table + 12, 0xffffffff);
        AssertRefused(file, ErrorKind.ImageCorrupt, "cut off");
        Qcow2Files.Put32(file, table + 12, 0x00010001);
        "ab"u8.CopyTo(file.AsSpan((int)table + 56));
        Qcow2Files.Put64(file, table + 48, ulong.MaxValue);
        File.WriteAllBytes(_folder["x.qcow2"], file);
        using (DiskImage image = Qcow2Files.Open(_folder["x.qcow2"]))
            Assert.Equal(["b"], image.Details.Snapshots);
        var error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(_folder["x.qcow2"], new ImageOpenOptions { Snapshot = "a" }));
        Assert.Contains("2^63", error.Message, StringComparison.Ordinal);
        Qcow2Files.Put64(file, table + 48, 1 << 20);
        File.WriteAllBytes(_folder["x.qcow2"], file);
        error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(_folder["x.qcow2"], new ImageOpenOptions { Snapshot = "b" }));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Equal(table, error.Offset);
    }

    [Fact]
    public void The_largest_snapshot_table_of_an_empty_file_takes_one_reading_and_little_memory()
    {
        byte[] file = Valid();
        Qcow2Files.Put32(file, 60, 65536);
        Qcow2Files.Put64(file, 64, 1 << 20);
        Qcow2Files.Put64(file, 40, Qcow2Files.UInt64(file, 40));
        using (FileStream stream = SparseFile.Create(_folder["x.qcow2"], 1L << 30))
            stream.Write(file);

        long before = GC.GetAllocatedBytesForCurrentThread();
        long read = ThreadReads.During(() => Assert.Equal(65536, Describe.Of(_folder["x.qcow2"]).Snapshots.Count));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
        Assert.InRange(read, 0, 4 << 20);
    }

    [Fact]
    public void Files_cut_anywhere_are_refused_or_unreadable_or_whole()
    {
        byte[] file = Valid(clusterSize: 4096);
        byte[] whole = Read(file, out _)!;
        for (int length = 4; length < file.Length; length += length < 1024 ? 7 : 511)
        {
            byte[]? read = Read(file.AsSpan(0, length).ToArray(), out DiskImageException? error);
            Assert.True(error is { Kind: ErrorKind.ImageCorrupt } || whole.AsSpan().SequenceEqual(read), $"cut at {length}: {error}");
        }
    }

    [Fact]
    public void Random_damage_is_answered_by_a_disk_image_exception_or_by_bytes()
    {
        byte[][] seeds = [Valid(clusterSize: 512), Valid(), Valid(compress: true), Valid(clusterSize: 4096, compress: true)];
        var random = new Random(1);
        for (int round = 0; round < 1200; round++)
        {
            byte[] file = (byte[])seeds[round % seeds.Length].Clone();
            long l1 = (long)Qcow2Files.UInt64(file, 40);
            long[] areas = [0, 0, l1, L2Of(file), (long)Qcow2Files.UInt64(file, 48), 512];
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                long at = areas[random.Next(areas.Length)] + random.Next(random.Next(1, 200));
                file[Math.Min(at, file.Length - 1)] ^= (byte)(1 << random.Next(8));
            }

            if (round % 5 == 0)
                file = file.AsSpan(0, random.Next(file.Length)).ToArray();
            // Whatever comes of it, only this exception may.
            _ = Read(file, out _);
        }
    }

    [Fact]
    public void No_other_format_is_taken_for_it_and_it_for_no_other()
    {
        File.WriteAllBytes(_folder["image.bin"], Valid());
        Assert.Equal("qcow2", Describe.Of(_folder["image.bin"]).Format);
        File.WriteAllBytes(_folder["empty.qcow2"], new byte[1 << 20]);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["empty.qcow2"])).Kind);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["empty.qcow2"], "qcow2")).Kind);
        TestImage.Create(_folder["other.qed"], 1 << 20);
        Assert.Equal("qed", Describe.Of(_folder["other.qed"]).Format);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["other.qed"], "qcow2")).Kind);
        foreach (int length in new[] { 4, 7, 8, 71, 103 })
        {
            File.WriteAllBytes(_folder["short.qcow2"], Valid().AsSpan(0, length).ToArray());
            Assert.Equal(ErrorKind.ImageCorrupt, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["short.qcow2"])).Kind);
        }
    }

    /// <summary>The bytes of a small image with a few data clusters.</summary>
    private byte[] Valid(int clusterSize = ClusterSize, bool compress = false)
    {
        string raw = _folder["valid.raw"];
        byte[] disk = new byte[(1 << 20) + 512];
        for (int i = 0; i < 300_000; i++)
            disk[i] = (byte)(i >> 6);
        disk[^1] = 1;
        File.WriteAllBytes(raw, disk);
        string path = Qcow2Files.Convert(raw, _folder["valid.qcow2"], options => options with { ClusterSize = clusterSize, Compress = compress, Force = true, Verify = false });
        return File.ReadAllBytes(path);
    }

    private static long L2Of(byte[] file)
        => (long)(Qcow2Files.UInt64(file, (long)Qcow2Files.UInt64(file, 40)) & 0x00ff_ffff_ffff_fe00);

    private DiskImageException AssertRefused(byte[] file, ErrorKind kind, string says)
    {
        File.WriteAllBytes(_folder["x.qcow2"], file);
        var error = Assert.Throws<DiskImageException>(() => Qcow2Files.Open(_folder["x.qcow2"]));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Equal(_folder["x.qcow2"], error.Path);
        Assert.Equal(file, File.ReadAllBytes(_folder["x.qcow2"]));
        return error;
    }

    private DiskImageException AssertUnreadable(byte[] file, string says)
    {
        File.WriteAllBytes(_folder["x.qcow2"], file);
        using DiskImage image = Qcow2Files.Open(_folder["x.qcow2"]);
        byte[] buffer = new byte[4096];
        var error = Assert.Throws<DiskImageException>(() => image.Read(new GuestOffset(0), buffer));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        return error;
    }

    private byte[]? Read(byte[] file, out DiskImageException? error)
    {
        File.WriteAllBytes(_folder["x.qcow2"], file);
        error = null;
        try
        {
            using DiskImage image = Qcow2Files.Open(_folder["x.qcow2"]);
            byte[] all = new byte[(int)Math.Min(image.Length, 2 << 20)];
            image.Read(new GuestOffset(0), all);
            _ = image.GetExtents(new GuestOffset(0), image.Length).Take(1000).Count();
            return all;
        }
        catch (DiskImageException caught)
        {
            error = caught;
            return null;
        }
    }
}
