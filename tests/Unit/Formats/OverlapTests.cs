using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Formats.Qcow2;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>
/// Two blocks at one place, or one on a table, are damage that no single read can see: whoever reads all of a disk is told,
/// in every format that maps blocks, and gets no copy of it.
/// </summary>
public sealed class OverlapTests : IDisposable
{
    private const int MiB = 1 << 20;

    // Two blocks with data in each format, with one that has none between them, and room behind them.
    private readonly byte[] _disk = new byte[8 * MiB];
    private readonly TempFolder _folder = new();

    public OverlapTests()
    {
        for (int i = 0; i < _disk.Length; i += MiB)
            Patterns.Random(MiB / 2, i).CopyTo(_disk, i);
    }

    /// <summary>What the second block's entry is changed to: from the entries of the first and the second, and the place of the table that holds them.</summary>
    private static readonly Dictionary<string, Func<byte[], Entry>> Layouts = new()
    {
        ["qed"] = file => Entry.LittleEndian64(file, LittleEndian64(file, LittleEndian64(file, 40))),
        ["qcow2"] = file => Entry.BigEndian64(file, BigEndian64(file, BigEndian64(file, 40)) & 0x00ff_ffff_ffff_fe00),
        ["vhd"] = file => Entry.BigEndian32(file, BigEndian64(file, 512 + 16)),
        ["vhdx"] = file => Entry.LittleEndian64(file, 3 * MiB),
        ["vdi"] = file => Entry.LittleEndian32(file, 0x200),
        ["vmdk"] = file => Entry.LittleEndian32(file, 512L * LittleEndian32(file, 512 * LittleEndian64(file, 56))),
    };

    public static TheoryData<string> Formats { get; } = [.. Layouts.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Two_blocks_at_one_place(string format)
        => AssertDamage(format, entry => entry.Second = entry.First, "two blocks lie at one place");

    [Theory]
    [InlineData("vhd", 1)]
    [InlineData("vhd", 4096)]
    [InlineData("vmdk", 1)]
    [InlineData("vmdk", 127)]
    [InlineData("vhdx", 1 << 20)]
    public void A_block_that_begins_within_another(string format, int distance)
        => AssertDamage(format, entry => entry.Second = entry.First + (ulong)distance, "two blocks lie at one place");

    [Theory]
    [InlineData("qed")]
    [InlineData("qcow2")]
    [InlineData("vmdk")]
    public void A_block_on_the_table_that_leads_to_it(string format)
        => AssertDamage(format, entry => entry.Second = (entry.Second - entry.Place(entry.Second)) + entry.OfPlace(entry.Table), "lies on the image's own tables");

    [Fact]
    public void A_cluster_on_the_reference_counts_of_a_qcow2_image()
        => AssertDamage("qcow2", entry => entry.Second = (1UL << 63) | (ulong)BigEndian64(entry.File, 48), "lies on the image's own tables");

    [Fact]
    public void A_cluster_that_a_qcow2_image_says_is_shared_is_no_damage()
    {
        Qemu.Require();
        string path = Make("qcow2");
        byte[] file = File.ReadAllBytes(path);
        Entry entry = Layouts["qcow2"](file);
        long orphan = (long)(entry.Second & 0x00ff_ffff_ffff_fe00);
        entry.First &= ~(1UL << 63);
        entry.Second = entry.First;
        long counts = BigEndian64(file, BigEndian64(file, 48));
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan((int)(counts + ((long)entry.First / 65536 * 2))), 2);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan((int)(counts + (orphan / 65536 * 2))), 0);
        File.WriteAllBytes(path, file);
        Qcow2Files.AssertClean(path);
        ConvertImage.Run(new ConvertImageOptions { Path = path, DestinationPath = _folder["copy.raw"], Verify = true });
        _disk.AsSpan(0, 65536).CopyTo(_disk.AsSpan(65536));
        Assert.Equal(_disk, File.ReadAllBytes(_folder["copy.raw"]));
    }

    [Fact]
    public void Snapshots_and_compressed_clusters_that_share_their_places_are_no_damage()
    {
        Qemu.Require();
        string path = Make("qcow2", compress: true);
        Qemu.ImgOk("snapshot", "-c", "before", path);
        Qemu.IoOk(path, "qcow2", ["write -P 7 3M 1M", "write -P 8 64k 64k"]);
        Qemu.ImgOk("snapshot", "-c", "between", path);
        Qemu.IoOk(path, "qcow2", ["write -P 9 3M 256k", "discard 5M 1M"]);
        foreach (string? snapshot in new[] { null, "before", "between" })
        {
            string[] which = snapshot is null ? [] : ["-l", snapshot];
            Qemu.ImgOk(["convert", "-f", "qcow2", "-O", "raw", .. which, path, _folder["theirs.raw"]]);
            ConvertImage.Run(new ConvertImageOptions { Path = path, Snapshot = snapshot, DestinationPath = _folder["ours.raw"], Force = true });
            Assert.Equal(File.ReadAllBytes(_folder["theirs.raw"]), File.ReadAllBytes(_folder["ours.raw"]));
        }
    }

    [Theory]
    [InlineData(4096, 2 * MiB)]
    [InlineData(2 * MiB, 4096)]
    [InlineData(65536, 65536)]
    public void A_chain_whose_links_cut_each_others_blocks_is_no_damage(int overlayCluster, int baseCluster)
    {
        File.WriteAllBytes(_folder["disk.raw"], _disk);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.raw"], DestinationPath = _folder["base.qed"], ClusterSize = baseCluster });
        TestImage.Create(_folder["top.qed"], _disk.Length + 512, overlayCluster, backing: "base.qed");
        var random = new Random(overlayCluster);
        using (var top = (QedImage)OpenImage.ForWriting(_folder["top.qed"]))
        {
            for (int i = 0; i < 40; i++)
            {
                byte[] data = Patterns.Random(random.Next(1, 9000), i);
                int offset = random.Next(_disk.Length - data.Length);
                top.Write(new GuestOffset(offset), data);
                data.CopyTo(_disk, offset);
            }
        }

        ConvertImage.Run(new ConvertImageOptions { Path = _folder["top.qed"], DestinationPath = _folder["copy.raw"], Verify = true });
        Assert.Equal([.. _disk, .. new byte[512]], File.ReadAllBytes(_folder["copy.raw"]));
    }

    private void AssertDamage(string format, Action<Entry> change, string words)
    {
        string path = Make(format);
        byte[] file = File.ReadAllBytes(path);
        change(Layouts[format](file));
        File.WriteAllBytes(path, file);

        DiskImageException error = Fails.With(ErrorKind.ImageCorrupt, words, () => ConvertImage.Run(
            new ConvertImageOptions { Path = path, DestinationPath = _folder["copy.raw"], Verify = true, DeleteSource = true }));
        Assert.Equal(path, error.Path);
        Assert.StartsWith("block at guest offset ", error.Structure, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["copy.raw"]));
        Assert.True(File.Exists(path));
        Fails.With(ErrorKind.ImageCorrupt, words, () => CompareImages.Run(new CompareImagesOptions { Path = path, DifferencePath = _folder["disk.raw"] }));

        var warnings = new LoggedWarnings();
        ConvertImage.Run(new ConvertImageOptions { Path = path, DestinationPath = _folder["salvaged.raw"], Salvage = true }, logger: warnings.Logger);
        Assert.Contains(words, Assert.Single(warnings.Messages), StringComparison.Ordinal);
        Assert.True(_disk.AsSpan(0, 4096).SequenceEqual(File.ReadAllBytes(_folder["salvaged.raw"]).AsSpan(0, 4096)));

        // Who looks at a part of it is not kept from that.
        using DiskImage image = OpenImage.ForReading(path);
        byte[] first = new byte[4096];
        image.Read(new GuestOffset(0), first);
        Assert.True(_disk.AsSpan(0, 4096).SequenceEqual(first));
        Assert.NotEmpty(MapImage.Run(new MapImageOptions { Path = path }));
    }

    private string Make(string format, bool compress = false)
    {
        File.WriteAllBytes(_folder["disk.raw"], _disk);
        ConvertImage.Run(new ConvertImageOptions
        {
            Path = _folder["disk.raw"],
            SourceFormat = "raw",
            DestinationPath = _folder["image." + format],
            ClusterSize = format == "vhdx" ? 2 * MiB : null,
            Compress = compress,
        });
        return _folder["image." + format];
    }

    private static long LittleEndian32(byte[] file, long offset) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan((int)offset));

    private static long LittleEndian64(byte[] file, long offset) => BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan((int)offset));

    private static long BigEndian64(byte[] file, long offset) => BinaryPrimitives.ReadInt64BigEndian(file.AsSpan((int)offset));

    /// <summary>The first two entries of a table.</summary>
    private sealed class Entry(byte[] file, long table, int size, bool isBigEndian)
    {
        internal byte[] File { get; } = file;

        internal long Table { get; } = table;

        internal ulong First
        {
            get => Get(0);
            set => Set(0, value);
        }

        internal ulong Second
        {
            get => Get(1);
            set => Set(1, value);
        }

        internal static Entry LittleEndian32(byte[] file, long table) => new(file, table, 4, false);

        internal static Entry LittleEndian64(byte[] file, long table) => new(file, table, 8, false);

        internal static Entry BigEndian32(byte[] file, long table) => new(file, table, 4, true);

        internal static Entry BigEndian64(byte[] file, long table) => new(file, table, 8, true);

        /// <summary>What of an entry is its place: the rest are flags.</summary>
        internal ulong Place(ulong entry) => isBigEndian ? entry & 0x00ff_ffff_ffff_fe00 : entry;

        /// <summary>A host offset as entries have it: in sectors where they are short.</summary>
        internal ulong OfPlace(long host) => (ulong)(size == 4 ? host / 512 : host);

        private ulong Get(int index)
        {
            ReadOnlySpan<byte> bytes = File.AsSpan((int)Table + (index * size), size);
            ulong value = 0;
            for (int i = 0; i < size; i++)
                value = (value << 8) | bytes[isBigEndian ? i : size - 1 - i];
            return value;
        }

        private void Set(int index, ulong value)
        {
            Span<byte> bytes = File.AsSpan((int)Table + (index * size), size);
            for (int i = 0; i < size; i++, value >>= 8)
                bytes[isBigEndian ? size - 1 - i : i] = (byte)value;
        }
    }
}
