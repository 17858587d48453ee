using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Formats.Vhdx;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>Each rule of the format broken once, and what may be damaged without harm.</summary>
public sealed class VhdxRuleTests : IDisposable
{
    private const int MiB = VhdxSample.MiB;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly Dictionary<string, (ErrorKind Kind, Action<VhdxSample> Break)> Rules = new()
    {
        ["neither of the two headers is intact"] = (ErrorKind.ImageCorrupt, s => s.At(VhdxHeader.FirstOffset).Slice(0, 128 << 10).Clear()),
        ["the same sequence number"] = (ErrorKind.ImageCorrupt, s => s.InHeaders(h => { s.SetUInt64(h + 8, 5); s.At(h + 16)[0] = (byte)(h >> 16); })),
        ["has version 2 of the format"] = (ErrorKind.UnsupportedFeature, s => s.InHeaders(h => s.SetUInt16(h + 66, 2))),
        ["the log holds changes and has version 1"] = (ErrorKind.UnsupportedFeature, s => s.InHeaders(h => { s.At(h + 48)[0] = 1; s.SetUInt16(h + 64, 1); })),
        ["length of the log is not a multiple"] = (ErrorKind.ImageCorrupt, s => s.InHeaders(h => s.SetUInt32(h + 68, 4096))),
        ["the log does not lie at a multiple"] = (ErrorKind.ImageCorrupt, s => s.InHeaders(h => s.SetUInt64(h + 72, 0))),
        ["holds no valid sequence"] = (ErrorKind.ImageCorrupt, s => { s.InHeaders(h => s.At(h + 48)[0] = 1); "loge"u8.CopyTo(s.At(VhdxSample.Log)); s.At(VhdxSample.Log + 32)[0] = 1; }),
        ["log is longer than 32 MiB"] = (ErrorKind.UnsupportedFeature, s => s.InHeaders(h => { s.At(h + 48)[0] = 1; s.SetUInt32(h + 68, 0xfff00000); })),
        ["log lies beyond the end"] = (ErrorKind.ImageCorrupt, s => s.InHeaders(h => { s.At(h + 48)[0] = 1; s.SetUInt64(h + 72, 1L << 50); })),
        ["neither of the two region tables"] = (ErrorKind.ImageCorrupt, s => s.At(VhdxRegionTable.FirstOffset).Slice(0, 128 << 10).Clear()),
        ["region tables are intact and differ"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.At(r + 1000)[0] = (byte)(r >> 16))),
        ["at most 2047 entries"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.SetUInt32(r + 8, 2048))),
        ["is listed twice"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.At(r + 16).Slice(0, 16).CopyTo(s.At(r + 48)))),
        ["lists no metadata region"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.SetUInt32(r + 8, 1))),
        ["needs a region of an unknown kind"] = (ErrorKind.UnsupportedFeature, s => s.InRegionTables(r => s.At(r + 48)[3] ^= 1)),
        ["does not lie at a multiple of 1 MiB behind the headers (region"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.SetUInt64(r + 16 + 16, ulong.MaxValue - 4095))),
        ["a08 is not a multiple of 1 MiB"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.SetUInt32(r + 16 + 24, 4096))),
        ["or a region and the log, overlap"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.SetUInt64(r + 48 + 16, MiB))),
        ["metadata region lies beyond the end"] = (ErrorKind.ImageCorrupt, s => s.InRegionTables(r => s.SetUInt64(r + 48 + 16, 1UL << 40))),
        ["the signature 'metadata' is missing"] = (ErrorKind.ImageCorrupt, s => s.At(VhdxSample.Metadata)[0] = 0),
        ["a metadata table has at most"] = (ErrorKind.ImageCorrupt, s => s.SetUInt16(VhdxSample.Metadata + 10, 2048)),
        ["needs a metadata item of an unknown kind"] = (ErrorKind.UnsupportedFeature, s => s.At(VhdxSample.ItemEntry(2))[5] ^= 1),
        ["bf4b8 is listed twice"] = (ErrorKind.ImageCorrupt, s => s.At(VhdxSample.ItemEntry(1)).Slice(0, 16).CopyTo(s.At(VhdxSample.ItemEntry(2)))),
        ["does not lie within the region"] = (ErrorKind.ImageCorrupt, s => s.SetUInt32(VhdxSample.ItemEntry(1) + 16, uint.MaxValue - 3)),
        ["two metadata items overlap"] = (ErrorKind.ImageCorrupt, s => s.SetUInt32(VhdxSample.ItemEntry(1) + 16, VhdxMetadata.TableSize)),
        ["the metadata item Physical Sector Size is missing"] = (ErrorKind.ImageCorrupt, s => s.SetUInt16(VhdxSample.Metadata + 10, 4)),
        ["Virtual Disk Size does not have 8 bytes"] = (ErrorKind.ImageCorrupt, s => s.SetUInt32(VhdxSample.ItemEntry(1) + 20, 4)),
        ["block size is not a power of two"] = (ErrorKind.ImageCorrupt, s => s.SetUInt32(s.Item(0), 3 * MiB)),
        ["larger than 64 TiB"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(s.Item(1), (64UL << 40) + 512)),
        ["not a multiple of its logical sector size"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(s.Item(1), 1000)),
        ["neither 512 nor 4096"] = (ErrorKind.ImageCorrupt, s => s.SetUInt32(s.Item(3), 1024)),
        ["table is too short"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(s.Item(1), 1UL << 40)),
        ["has a parent, but no parent locator"] = (ErrorKind.ImageCorrupt, s => s.SetUInt32(s.Item(0) + 4, 2)),
        ["a state that the format reserves"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(VhdxSample.BlockTable, 4)),
        ["partially present in an image without a parent"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(VhdxSample.BlockTable, VhdxSample.Blocks + 7)),
        ["block lies in the headers"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(VhdxSample.BlockTable, 6)),
        ["further out than a file reaches"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(VhdxSample.BlockTable, 0xfffffffffff00006)),
        ["block lies beyond the end of the file"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(VhdxSample.BlockTable + 16, (100UL << 20) | 6)),
        ["block overlaps a region or the log"] = (ErrorKind.ImageCorrupt, s => s.SetUInt64(VhdxSample.BlockTable + 16, VhdxSample.Metadata | 6)),
    };

    public static TheoryData<string> RuleNames() => new(Rules.Keys);

    [Theory]
    [MemberData(nameof(RuleNames))]
    public void A_broken_rule_is_named_and_the_file_stays_as_it_is(string rule)
    {
        VhdxSample sample = VhdxSample.Create(_folder);
        (ErrorKind kind, Action<VhdxSample> breakIt) = Rules[rule];
        breakIt(sample);
        File.WriteAllBytes(_folder["broken.vhdx"], sample.Bytes);
        DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(_folder["broken.vhdx"]));
        Assert.Contains(rule, error.Message, StringComparison.Ordinal);
        Assert.Equal(kind, error.Kind);
        Assert.Equal(_folder["broken.vhdx"], error.Path);
        Assert.NotNull(error.Structure);
        Assert.True(sample.Bytes.AsSpan().SequenceEqual(File.ReadAllBytes(_folder["broken.vhdx"])));
    }

    private static readonly Dictionary<string, Action<VhdxSample>> Harmless = new()
    {
        ["the first header is damaged"] = s => s.At(VhdxHeader.FirstOffset)[100] = 1,
        ["the second header is damaged"] = s => s.At(VhdxHeader.SecondOffset)[4000] = 1,
        ["the older header says something else"] = s => { s.SetUInt64(VhdxHeader.FirstOffset + 72, 0); VhdxChecksum.Set(s.At(VhdxHeader.FirstOffset).Slice(0, VhdxHeader.Size)); },
        ["the headers are equal"] = s => s.At(VhdxHeader.SecondOffset).Slice(0, VhdxHeader.Size).CopyTo(s.At(VhdxHeader.FirstOffset)),
        ["the first region table is damaged"] = s => s.At(VhdxRegionTable.FirstOffset)[20] ^= 1,
        ["the second region table is damaged"] = s => s.At(VhdxRegionTable.SecondOffset)[20] ^= 1,
        ["the log version is unknown, but the log is empty"] = s => s.InHeaders(h => s.SetUInt16(h + 64, 9)),
        ["a log was named, but nothing written to it"] = s => s.InHeaders(h => s.At(h + 48)[0] = 1),
        ["an unknown region is optional"] = s => s.InRegionTables(r =>
        {
            s.SetUInt32(r + 8, 3);
            s.At(r + 80).Slice(0, 16).Fill(7);
            s.SetUInt64(r + 80 + 16, 1UL << 40);
            s.SetUInt32(r + 80 + 24, MiB);
        }),
        ["an unknown metadata item is optional, and empty"] = s =>
        {
            s.SetUInt16(VhdxSample.Metadata + 10, 6);
            s.At(VhdxSample.ItemEntry(5)).Slice(0, 16).Fill(7);
        },
        ["states without data have stale offsets"] = s =>
        {
            s.SetUInt64(VhdxSample.BlockTable + 8, 0xfffffffffff00000);
            s.SetUInt64(VhdxSample.BlockTable + 24, 0xfffffffffff00000 | 2);
        },
        ["a block is undefined"] = s => s.SetUInt64(VhdxSample.BlockTable + 8, VhdxSample.Blocks | 1),
        ["a block is unmapped"] = s => s.SetUInt64(VhdxSample.BlockTable + 8, VhdxSample.Blocks | 3),
    };

    public static TheoryData<string> HarmlessNames() => new(Harmless.Keys);

    [Theory]
    [MemberData(nameof(HarmlessNames))]
    public void What_the_format_allows_reads_as_before(string what)
    {
        VhdxSample sample = VhdxSample.Create(_folder);
        Harmless[what](sample);
        File.WriteAllBytes(_folder["odd.vhdx"], sample.Bytes);
        Assert.True(sample.Disk.AsSpan().SequenceEqual(TestImage.ReadAll(_folder["odd.vhdx"])));
    }

    [Fact]
    public void A_truncated_file_says_so_and_its_whole_blocks_still_read()
    {
        VhdxSample sample = VhdxSample.Create(_folder);
        string path = _folder["short.vhdx"];
        for (int length = 0; length < sample.Bytes.Length; length = length * 3 / 2 + 1000)
        {
            File.WriteAllBytes(path, sample.Bytes.AsSpan(0, length).ToArray());
            DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(path));
            Assert.Equal(length < 8 ? ErrorKind.ImageNotRecognized : ErrorKind.ImageCorrupt, error.Kind);
        }

        File.WriteAllBytes(path, sample.Bytes.AsSpan(0, VhdxSample.Blocks + MiB).ToArray());
        using DiskImage image = OpenImage.ForReading(path);
        byte[] start = new byte[2 * MiB];
        image.Read(new GuestOffset(0), start);
        Assert.True(sample.Disk.AsSpan(0, start.Length).SequenceEqual(start));
    }

    [Fact]
    public void Extents_merge_blocks_that_follow_one_another_and_tell_holes_of_the_host()
    {
        byte[] disk = new byte[8 * MiB];
        Patterns.Random(3 * MiB, 1).CopyTo(disk, 0);
        Patterns.Random(65536, 2).CopyTo(disk, 6 * MiB);
        File.WriteAllBytes(_folder["a.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["a.vhdx"], ClusterSize = MiB });
        using DiskImage image = OpenImage.ForReading(_folder["a.vhdx"]);
        Extent[] extents = image.GetExtents(new GuestOffset(0), image.Length).ToArray();
        Assert.Equal(new Extent(new GuestOffset(0), 3 * MiB, ExtentKind.Data, new HostOffset(4 * MiB)), extents[0]);
        Assert.Equal(new Extent(new GuestOffset(3 * MiB), 3 * MiB, ExtentKind.Unallocated, null), extents[1]);
        Assert.Equal((6 * MiB, ExtentKind.Data, 7L * MiB), (extents[2].Offset.Value, extents[2].Kind, extents[2].HostOffset?.Value));
        Assert.Equal(8 * MiB, extents[^1].End.Value);
    }

    [Fact]
    public void Requests_that_the_format_cannot_meet_name_the_nearest_value_that_works()
    {
        File.WriteAllBytes(_folder["a.raw"], new byte[512]);
        DiskImageException Fail(ConvertImageOptions options) => Assert.Throws<DiskImageException>(() => ConvertImage.Run(options));
        DiskImageException block = Fail(new() { Path = _folder["a.raw"], DestinationPath = _folder["b.vhdx"], ClusterSize = 3_200_000 });
        Assert.Equal(ErrorKind.InvalidGeometry, block.Kind);
        Assert.Contains("4194304", block.Remedy!.Say(), StringComparison.Ordinal);
        Assert.Contains("1048576", Fail(new() { Path = _folder["a.raw"], DestinationPath = _folder["b.vhdx"], ClusterSize = 4096 }).Remedy!.Say(), StringComparison.Ordinal);
        Assert.Contains("268435456", Fail(new() { Path = _folder["a.raw"], DestinationPath = _folder["b.vhdx"], ClusterSize = 1L << 40 }).Remedy!.Say(), StringComparison.Ordinal);
        Assert.Equal(ErrorKind.UnsupportedFeature, Fail(new() { Path = _folder["a.raw"], DestinationPath = _folder["b.vhdx"], Compress = true }).Kind);
        Assert.Equal(ErrorKind.UnsupportedFeature, Fail(new() { Path = _folder["a.raw"], DestinationPath = _folder["b.vhdx"], BackingPath = "a.raw" }).Kind);
        TestImage.Create(_folder["huge.qed"], (64L << 40) + 512, 1 << 20);
        DiskImageException size = Fail(new() { Path = _folder["huge.qed"], DestinationPath = _folder["b.vhdx"] });
        Assert.Equal(ErrorKind.InvalidSize, size.Kind);
        Assert.Contains("64 TiB", size.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["b.vhdx"]));
    }

    [Fact]
    public void The_probe_goes_by_the_signature_alone()
    {
        VhdxSample sample = VhdxSample.Create(_folder);
        File.WriteAllBytes(_folder["vhdx.raw"], sample.Bytes);
        Assert.Equal("vhdx", Describe.Of(_folder["vhdx.raw"]).Format);
        sample.At(0)[0] = 0;
        File.WriteAllBytes(_folder["no.vhdx"], sample.Bytes);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["no.vhdx"])).Kind);
        Assert.Equal(ErrorKind.ImageNotRecognized, Assert.Throws<DiskImageException>(() => Describe.Of(_folder["no.vhdx"], "vhdx")).Kind);
        File.WriteAllBytes(_folder["no.img"], sample.Bytes);
        Assert.Equal("raw", Describe.Of(_folder["no.img"]).Format);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(-1, false)]
    public void The_last_block_may_end_in_the_file_where_the_disk_ends_but_no_earlier(int more, bool isRead)
    {
        const int LastBlock = 3;
        VhdxSample sample = VhdxSample.Create(_folder);
        byte[] tail = Patterns.Random(VhdxSample.DiskSize % VhdxSample.MiB, 3);
        tail.CopyTo(sample.Disk, LastBlock * VhdxSample.MiB);
        long end = sample.Bytes.Length;
        sample.SetUInt64(VhdxSample.BlockTable + (LastBlock * BatEntry.Size), BatEntry.At(end, BlockState.FullyPresent).Value);
        File.WriteAllBytes(_folder["short.vhdx"], [.. sample.Bytes, .. tail.AsSpan(0, tail.Length + more)]);
        if (isRead)
            Assert.Equal(sample.Disk, TestImage.ReadAll(_folder["short.vhdx"]));
        else
            Fails.With(ErrorKind.ImageCorrupt, "cut off", () => TestImage.ReadAll(_folder["short.vhdx"]));
    }

    [Fact]
    public void Random_damage_is_refused_or_read_but_never_anything_else()
    {
        VhdxSample sample = VhdxSample.Create(_folder);
        byte[] intact = (byte[])sample.Bytes.Clone();
        string path = _folder["fuzz.vhdx"];
        File.WriteAllBytes(path, intact);
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        (int Start, int Length)[] targets = [(64 << 10, 80), (128 << 10, 80), (192 << 10, 80), (256 << 10, 80), (VhdxSample.Metadata, 192), (VhdxSample.Metadata + (64 << 10), 40), (VhdxSample.BlockTable, 40)];
        var random = new Random(20);
        int refused = 0;
        for (int round = 0; round < 500; round++)
        {
            (int start, int length) = targets[random.Next(targets.Length)];
            for (int change = random.Next(1, 4); change > 0; change--)
                sample.Bytes[start + random.Next(length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : 0xff);
            bool keepsChecksums = random.Next(4) > 0;
            if (keepsChecksums)
            {
                sample.InHeaders(_ => { });
                sample.At(VhdxRegionTable.FirstOffset).Slice(0, 64 << 10).CopyTo(sample.At(VhdxRegionTable.SecondOffset));
                sample.InRegionTables(_ => { });
            }

            Save(file, sample.Bytes);
            refused += ReadSome(path) ? 0 : 1;
            intact.AsSpan(0, VhdxSample.Blocks).CopyTo(sample.Bytes);
        }

        Assert.InRange(refused, 50, 499);
    }

    private static void Save(FileStream file, byte[] bytes)
    {
        foreach ((int start, int length) in new[] { (64 << 10, 256 << 10), (VhdxSample.Metadata, 68 << 10), (VhdxSample.BlockTable, 4096) })
        {
            file.Position = start;
            file.Write(bytes, start, length);
        }

        file.Flush();
    }

    private static bool ReadSome(string path)
    {
        try
        {
            using var image = (VhdxImage)FormatRegistry.ByName("vhdx").Open(HostFile.Open(path, StorageAccess.Peek), ImageOpenOptions.Default);
            foreach (Extent extent in image.GetExtents(new GuestOffset(0), image.Length).Take(100))
                image.Read(extent.Offset, new byte[Math.Min(extent.Length, 1 << 16)]);
            return true;
        }
        catch (DiskImageException)
        {
            return false;
        }
    }
}
