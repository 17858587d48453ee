using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>
/// A source that is damaged or lies on a failing disk gives all that can be read; the rest is zeroes, and the result says
/// where. Without the user's word the first such place is the error.
/// </summary>
public sealed class SalvageTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Cluster = 65536;
    private const int Page = 4096;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = Disk();

    public static TheoryData<string, string> Formats() => new()
    {
        { "raw", "" },
        { "qed", "" },
        { "qcow2", "" },
        { "qcow2", "compress" },
        { "vpc", "" },
        { "vhdx", "" },
        { "vdi", "" },
        { "vmdk", "" },
        { "vmdk", "fixed" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Of_a_file_that_was_cut_off_everything_before_the_cut_is_saved(string format, string variant)
    {
        string source = Make(format, variant);
        string data = variant == "fixed" ? _folder["disk-flat.vmdk"] : source;
        long length = new FileInfo(data).Length;
        using (FileStream file = File.OpenWrite(data))
            file.SetLength(length * 2 / 3);
        // Nobody can tell that a raw disk was longer once.
        if (format != "raw")
            Fails.With(ErrorKind.ImageCorrupt, () => Convert(source, format, salvage: false));
        ConvertResult result = Convert(source, format);
        AssertAllButListed(result);
        Assert.Equal(format == "raw", result.UnreadableBytes == 0);
        // No more is lost than was cut off, but for a piece of the cluster that was cut; what was compressed was more.
        Assert.InRange(result.UnreadableBytes, 0, (variant == "compress" ? 2 : 1) * (length / 3) + (2 * Cluster));
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vpc")]
    [InlineData("vhdx")]
    [InlineData("vdi")]
    [InlineData("vmdk")]
    public void Of_a_file_on_a_failing_disk_only_what_lies_in_bad_sectors_is_lost(string format)
    {
        string source = Make(format, "");
        (ByteRange guest, long host)[] bad = [PageAt(source, format, 2_600_000), PageAt(source, format, 4_400_000)];
        using var failing = new FailingFile(source, [.. bad.Select(page => (page.host, (long)Page)).Order()]);
        Fails.With(ErrorKind.AccessDenied, () => Convert(failing.Path, format, salvage: false));
        ConvertResult result = Convert(failing.Path, format);
        Assert.Equal(bad.Select(page => page.guest), result.UnreadableRanges);
        AssertAllButListed(result);
        Qemu.ImgOk("convert", "--salvage", "-f", format, "-O", "raw", failing.Path, _folder["theirs.raw"]);
        Assert.True(File.ReadAllBytes(_folder["theirs.raw"]).AsSpan(0, _disk.Length).SequenceEqual(File.ReadAllBytes(_folder["saved.raw"])));
    }

    [Fact]
    public void Of_a_compressed_image_on_a_failing_disk_the_clusters_in_bad_sectors_are_lost()
    {
        string source = Make("qcow2", "compress");
        long middle = new FileInfo(source).Length / 2 & -Page;
        using var failing = new FailingFile(source, (middle, Page));
        ConvertResult result = Convert(failing.Path, "qcow2");
        AssertAllButListed(result);
        ByteRange lost = Assert.Single(result.UnreadableRanges);
        Assert.Equal(0, lost.Offset % Cluster);
        Assert.InRange(lost.Length, Cluster, 2 * Cluster);
    }

    [Fact]
    public void Of_a_table_on_a_failing_disk_only_the_entries_in_bad_sectors_are_lost()
    {
        // One table of four pages maps all of the disk.
        TestImage.Create(_folder["disk.qed"], _disk.Length, clusterSize: Page, tableSize: 4);
        TestImage.Write(_folder["disk.qed"], 0, _disk);
        using var failing = new FailingFile(_folder["disk.qed"], (L2Offset(_folder["disk.qed"]) + Page, Page));
        ConvertResult result = Convert(failing.Path, "qed");
        Assert.Equal([new ByteRange(2 * MiB, 2 * MiB)], result.UnreadableRanges);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_first_table_on_a_failing_disk_loses_what_its_bad_sectors_map()
    {
        // A second table's entries stand in the same page as the first one's, so all of the disk is lost, and the image still opens.
        TestImage.Create(_folder["disk.qed"], _disk.Length, clusterSize: Page, tableSize: 1);
        TestImage.Write(_folder["disk.qed"], 0, _disk);
        using var failing = new FailingFile(_folder["disk.qed"], ((long)File.ReadAllBytes(_folder["disk.qed"]).UInt64At(40), Page));
        ConvertResult result = Convert(failing.Path, "qed");
        Assert.Equal(_disk.Length, result.UnreadableBytes);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_bitmap_of_a_dynamic_VHD_on_a_failing_disk_loses_at_most_the_data_beside_it()
    {
        string source = Make("vpc", "");
        using DiskImage image = OpenImage.ForReading(source, "vpc");
        long start = image.GetExtent(new GuestOffset(2 * MiB), 1).HostOffset!.Value.Value;
        long page = (start - 512) & -Page;
        using var failing = new FailingFile(source, (page, Page));
        ConvertResult result = Convert(failing.Path, "vpc");
        Assert.InRange(result.UnreadableBytes, 0, Page - 512);
        AssertAllButListed(result);
    }

    [Fact]
    public void An_entry_that_points_nowhere_loses_its_cluster_and_what_lies_beneath_does_not_show()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(_disk.Length, 5));
        TestImage.Create(_folder["disk.qed"], _disk.Length, backing: "base.raw", backingFormat: "raw");
        TestImage.Write(_folder["disk.qed"], 0, _disk);
        Overwrite(_folder["disk.qed"], L2Offset(_folder["disk.qed"]) + (3 * 8), ulong.MaxValue);
        ConvertResult result = Convert(_folder["disk.qed"], "qed");
        Assert.Equal([new ByteRange(3 * Cluster, Cluster)], result.UnreadableRanges);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_table_that_lies_nowhere_loses_what_it_maps()
    {
        // Tables of one cluster of 4096 bytes map 2 MiB.
        TestImage.Create(_folder["disk.qed"], _disk.Length, clusterSize: 4096, tableSize: 1);
        TestImage.Write(_folder["disk.qed"], 0, _disk);
        byte[] header = File.ReadAllBytes(_folder["disk.qed"]);
        Overwrite(_folder["disk.qed"], (long)header.UInt64At(40) + 8, 1);
        ConvertResult result = Convert(_folder["disk.qed"], "qed");
        Assert.Equal([new ByteRange(2 * MiB, 2 * MiB)], result.UnreadableRanges);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_bad_cluster_beneath_an_overlay_is_lost_only_where_it_shows()
    {
        TestImage.Create(_folder["base.qed"], _disk.Length);
        TestImage.Write(_folder["base.qed"], 0, _disk);
        TestImage.Create(_folder["top.qed"], _disk.Length, backing: "base.qed");
        TestImage.Write(_folder["top.qed"], 3 * Cluster, _disk.AsSpan(3 * Cluster, Cluster).ToArray());
        foreach (int cluster in new[] { 3, 7 })
            Overwrite(_folder["base.qed"], L2Offset(_folder["base.qed"]) + (cluster * 8), 1UL << 50);
        ConvertResult result = Convert(_folder["top.qed"], "qed");
        Assert.Equal([new ByteRange(7 * Cluster, Cluster)], result.UnreadableRanges);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_damaged_compressed_cluster_is_lost_and_its_neighbours_are_not()
    {
        string source = Make("qcow2", "compress");
        byte[] file = File.ReadAllBytes(source);
        // The first entry of the first L2 table; its data does not decompress once its first byte is of no kind.
        long l1 = BinaryPrimitives.ReadInt64BigEndian(file.AsSpan(40));
        long l2 = BinaryPrimitives.ReadInt64BigEndian(file.AsSpan((int)l1)) & 0x00fffffffffffe00;
        long host = BinaryPrimitives.ReadInt64BigEndian(file.AsSpan((int)l2 + 40)) & ((1L << 54) - 1);
        file[host] = 0xff;
        File.WriteAllBytes(source, file);
        ConvertResult result = Convert(source, "qcow2");
        Assert.Equal([new ByteRange(5 * Cluster, Cluster)], result.UnreadableRanges);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_sound_source_is_whole_and_nothing_is_warned_of()
    {
        var warnings = new List<string>();
        ConvertResult result = Convert(Make("qed", ""), "qed", warnings: warnings);
        Assert.Empty(result.UnreadableRanges);
        Assert.Empty(warnings);
        AssertAllButListed(result);
    }

    [Fact]
    public void The_warning_tells_how_much_and_where_and_stays_short()
    {
        TestImage.Create(_folder["disk.qed"], _disk.Length);
        TestImage.Write(_folder["disk.qed"], 0, _disk);
        long table = L2Offset(_folder["disk.qed"]);
        for (int cluster = 0; cluster < 60; cluster += 2)
            Overwrite(_folder["disk.qed"], table + (cluster * 8), 1UL << 50);
        var warnings = new List<string>();
        ConvertResult result = Convert(_folder["disk.qed"], "qed", warnings: warnings);
        Assert.Equal(30, result.UnreadableRanges.Count);
        string warning = Assert.Single(warnings);
        Assert.Contains($"{30 * Cluster} bytes of '{_folder["disk.qed"]}'", warning, StringComparison.Ordinal);
        Assert.Contains($"{Cluster} at 0, {Cluster} at {2 * Cluster}, ", warning, StringComparison.Ordinal);
        Assert.EndsWith("and 22 more ranges.", warning, StringComparison.Ordinal);
        AssertAllButListed(result);
    }

    [Fact]
    public void A_salvaged_source_is_never_deleted()
    {
        string source = Make("qed", "");
        var options = new ConvertImageOptions { Path = source, DestinationPath = _folder["saved.raw"], Salvage = true, DeleteSource = true };
        Fails.With(ErrorKind.UnsupportedFeature, "not deleted", () => ConvertImage.Run(options));
        Assert.True(File.Exists(source));
        Assert.False(File.Exists(_folder["saved.raw"]));
    }

    private string Make(string format, string variant)
    {
        File.WriteAllBytes(_folder["disk.raw"], _disk);
        if (format == "raw")
            return _folder["disk.raw"];
        string source = _folder["disk" + FormatRegistry.ByName(format).Extensions[0]];
        if (format is "qed" or "qcow2")
        {
            // With tables before the data that they map, as a guest's writing leaves them.
            Qemu.Require();
            Qemu.ImgOk(["convert", "-f", "raw", "-O", format, .. variant == "compress" ? ["-c"] : Array.Empty<string>(), _folder["disk.raw"], source]);
            return source;
        }

        ConvertImage.Run(new ConvertImageOptions
        {
            Path = _folder["disk.raw"],
            DestinationPath = source,
            Format = format,
            Subformat = variant == "fixed" ? Subformat.Fixed : Subformat.Dynamic,
            ClusterSize = format == "vhdx" ? MiB : null,
        });
        return source;
    }

    private ConvertResult Convert(string source, string format, bool salvage = true, List<string>? warnings = null) => ConvertImage.Run(
        new ConvertImageOptions
        {
            Path = source,
            SourceFormat = format,
            DestinationPath = _folder["saved.raw"],
            Salvage = salvage,
            Verify = salvage,
            Force = true,
        },
        logger: warnings is null ? null : new CallbackLogger((level, message) =>
        {
            if (level == DiagnosticLevel.Warning)
                warnings.Add(message);
        }));

    /// <summary>The page of a file that holds a guest offset, and what of the guest's disk lies in it.</summary>
    private static (ByteRange Guest, long Host) PageAt(string path, string format, long guest)
    {
        using DiskImage image = OpenImage.ForReading(path, format);
        long host = image.GetExtent(new GuestOffset(guest), 1).HostOffset!.Value.Value;
        return (new ByteRange(guest - (host % Page), Page), host & -Page);
    }

    /// <summary>Clusters of which one half is noise and the other compresses well, none of them zero.</summary>
    private static byte[] Disk()
    {
        byte[] disk = Patterns.Random(6 * MiB, 11);
        for (int start = 0; start < disk.Length; start += Cluster)
            disk.AsSpan(start, Cluster / 2).Fill((byte)(start / Cluster + 1));
        return disk;
    }

    /// <summary>Whatever the result does not list is what it was, and what it lists is zeroes.</summary>
    private void AssertAllButListed(ConvertResult result)
    {
        byte[] expected = (byte[])_disk.Clone();
        foreach (ByteRange range in result.UnreadableRanges)
            expected.AsSpan((int)range.Offset, (int)range.Length).Clear();
        byte[] saved = File.ReadAllBytes(_folder["saved.raw"]);
        Assert.True(expected.AsSpan(0, Math.Min(expected.Length, saved.Length)).SequenceEqual(saved.AsSpan(0, Math.Min(expected.Length, saved.Length))));
        Assert.Equal(result.Target.Size, saved.Length);
        Assert.Equal(result.UnreadableBytes, result.UnreadableRanges.Sum(range => range.Length));
    }

    /// <summary>Where the first L2 table of a QED image lies.</summary>
    private static long L2Offset(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        return (long)file.UInt64At((long)file.UInt64At(40));
    }

    private static void Overwrite(string path, long offset, ulong value)
    {
        using FileStream file = File.OpenWrite(path);
        file.Position = offset;
        file.Write(BitConverter.GetBytes(value));
    }
}
