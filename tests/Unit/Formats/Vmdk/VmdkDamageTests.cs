using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vmdk;

/// <summary>Every rule of the sparse structures broken once, and many at random: a named error, and nothing else.</summary>
public sealed class VmdkDamageTests : IDisposable
{
    private const int RedundantDirectory = 21 * 512;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = new byte[(1 << 20) + 512];

    public VmdkDamageTests()
    {
        Patterns.Random(200_000, 1).CopyTo(_disk, 0);
        Patterns.Filled(200_000, 7).CopyTo(_disk, 600_000);
        Patterns.Random(512, 2).CopyTo(_disk, 1 << 20);
        VmdkDisks.WriteRaw(_folder, "disk.raw", _disk);
    }

    public static TheoryData<int, int, ulong, ErrorKind, string> BrokenHeaders() => new()
    {
        { 4, 4, 0, ErrorKind.UnsupportedFeature, "version" },
        { 4, 4, 4, ErrorKind.UnsupportedFeature, "version" },
        { 8, 4, 0x40003, ErrorKind.UnsupportedFeature, "flags" },
        { 8, 4, 0x10003, ErrorKind.UnsupportedFeature, "markers" },
        { 8, 4, 0x20003, ErrorKind.UnsupportedFeature, "markers" },
        { 8, 4, 0x30003, ErrorKind.UnsupportedFeature, "compression" },
        { 12, 8, 0, ErrorKind.ImageCorrupt, "capacity" },
        { 12, 8, ulong.MaxValue, ErrorKind.ImageCorrupt, "capacity" },
        { 12, 8, 1UL << 50, ErrorKind.ImageCorrupt, "grain directory" },
        { 12, 8, long.MaxValue / 512, ErrorKind.ImageCorrupt, "grain directory" },
        { 20, 8, 0, ErrorKind.ImageCorrupt, "grain size" },
        { 20, 8, 100, ErrorKind.ImageCorrupt, "power of two" },
        { 20, 8, 1UL << 40, ErrorKind.ImageCorrupt, "grain size" },
        { 28, 8, 0, ErrorKind.UnsupportedFeature, "descriptor" },
        { 28, 8, 1UL << 40, ErrorKind.ImageCorrupt, "descriptor" },
        { 28, 8, ulong.MaxValue, ErrorKind.ImageCorrupt, "descriptor" },
        { 36, 8, 1UL << 40, ErrorKind.ImageCorrupt, "descriptor" },
        { 44, 4, 0, ErrorKind.ImageCorrupt, "numGTEsPerGT" },
        { 44, 4, uint.MaxValue, ErrorKind.ImageCorrupt, "numGTEsPerGT" },
        { 56, 8, ulong.MaxValue, ErrorKind.ImageCorrupt, "footer" },
        { 73, 1, (byte)'\r', ErrorKind.ImageCorrupt, "newline" },
        { 77, 2, 1, ErrorKind.ImageCorrupt, "compress" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(BrokenHeaders))]
    public void A_broken_header_is_named(int offset, int size, ulong value, ErrorKind kind, string words)
    {
        byte[] image = Image(Subformat.Dynamic);
        byte[] bytes = BitConverter.GetBytes(value);
        bytes.AsSpan(0, size).CopyTo(image.AsSpan(offset));
        AssertError(image, kind, words);
    }

    [Fact]
    public void A_damaged_primary_directory_or_table_is_read_through_the_redundant_one()
    {
        byte[] image = Image(Subformat.Dynamic);
        int directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(56)) * 512;
        int table = (int)BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(directory)) * 512;

        AssertReads(Changed(image, 56, BitConverter.GetBytes(1UL << 40)), "redundant copy");
        AssertReads(Changed(image, 56, new byte[8]), "redundant copy");
        AssertReads(Changed(image, directory, BitConverter.GetBytes(uint.MaxValue)), "redundant copy");
        AssertReads(Changed(image, directory, new byte[4]), "redundant copy");
        AssertReads(Changed(image, table, Patterns.Filled(17 * 4, 0xff)), "redundant copy");
        AssertReads(Changed(image, table + 8, BitConverter.GetBytes(1u)), "redundant copy");
        // And the other way round it does not matter at all.
        AssertReads(Changed(image, RedundantDirectory, Patterns.Filled(2560, 0xff)));
    }

    [Fact]
    public void Damage_of_both_directories_or_tables_is_named_only_where_it_is()
    {
        byte[] image = Image(Subformat.Dynamic);
        int directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(56)) * 512;
        AssertError(Changed(Changed(image, directory, Patterns.Filled(4, 0xff)), RedundantDirectory, Patterns.Filled(4, 0xfe)), ErrorKind.ImageCorrupt, "grain directory entry");

        int table = (int)BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(directory)) * 512;
        int redundantTable = (int)BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(RedundantDirectory)) * 512;
        byte[] broken = Changed(Changed(image, table + 4, Patterns.Filled(4, 0xff)), redundantTable + 4, Patterns.Filled(4, 0xff));
        AssertError(broken, ErrorKind.ImageCorrupt, "grain table entry");
        File.WriteAllBytes(_folder["broken.vmdk"], broken);
        using DiskImage opened = OpenImage.ForReading(_folder["broken.vmdk"]);
        byte[] first = new byte[65536];
        opened.Read(new GuestOffset(0), first);
        Assert.Equal(_disk.AsSpan(0, 65536).ToArray(), first);
    }

    [Theory]
    [InlineData(Subformat.Dynamic)]
    [InlineData(Subformat.StreamOptimized)]
    public void A_file_cut_off_anywhere_is_an_error_or_reads_right(Subformat subformat)
    {
        byte[] image = Image(subformat);
        for (int length = 4; length < image.Length; length += 1 + (image.Length / 97))
        {
            byte[] cut = image.AsSpan(0, length).ToArray();
            File.WriteAllBytes(_folder["broken.vmdk"], cut);
            try
            {
                // Of the last grain only a sector belongs to the disk.
                Assert.Equal(_disk, TestImage.ReadAll(_folder["broken.vmdk"], "vmdk"));
                Assert.True(subformat == Subformat.Dynamic && length >= image.Length - 65536 + 512);
            }
            catch (DiskImageException error)
            {
                Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
            }
        }
    }

    [Fact]
    public void Damage_of_a_stream_is_named()
    {
        byte[] image = Image(Subformat.StreamOptimized);
        const int FirstGrain = 128 * 512;
        AssertError(Changed(image, FirstGrain, [1]), ErrorKind.ImageCorrupt, "marker");
        AssertError(Changed(image, FirstGrain + 8, new byte[4]), ErrorKind.ImageCorrupt, "size of a compressed grain");
        AssertError(Changed(image, FirstGrain + 8, Patterns.Filled(4, 0x7f)), ErrorKind.ImageCorrupt, "size of a compressed grain");
        AssertError(Changed(image, FirstGrain + 12, [0]), ErrorKind.ImageCorrupt, "damaged");
        AssertError(Changed(image, FirstGrain + 1000, [(byte)~image[FirstGrain + 1000]]), ErrorKind.ImageCorrupt, "damaged");
        AssertError(Changed(image, image.Length - 1536 + 12, [1]), ErrorKind.ImageCorrupt, "footer");
        AssertError(Changed(image, image.Length - 1024, [0]), ErrorKind.ImageCorrupt, "signature of the footer");
        AssertError(Changed(image, image.Length - 1024 + 56, Patterns.Filled(8, 0xff)), ErrorKind.ImageCorrupt, "footer");
        AssertError(Changed(image, image.Length - 1024 + 56, BitConverter.GetBytes(1UL << 50)), ErrorKind.ImageCorrupt, "grain directory");
        AssertError(Changed(image, image.Length - 1024 + 77, [2]), ErrorKind.UnsupportedFeature, "compression");
    }

    [Fact]
    public void Compressed_grains_beyond_16_MiB_are_refused()
    {
        byte[] image = Image(Subformat.StreamOptimized);
        AssertError(Changed(image, image.Length - 1024 + 20, BitConverter.GetBytes(1UL << 16)), ErrorKind.UnsupportedFeature, "16 MiB");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_version_and_an_unclean_image_are_read_and_the_latter_is_said(byte version)
    {
        byte[] image = Changed(Changed(Image(Subformat.Dynamic), 4, [version]), 72, [1]);
        AssertReads(image);
        Assert.True(Describe.Of(_folder["broken.vmdk"]).NeedsCheck);
        AssertReads(Changed(image, 72, [0]));
        Assert.False(Describe.Of(_folder["broken.vmdk"]).NeedsCheck);
    }

    [Fact]
    public void The_entry_1_is_a_zero_grain_only_where_the_header_says_so()
    {
        byte[] image = Image(Subformat.Dynamic);
        int directory = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(56)) * 512;
        int table = (int)BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(directory)) * 512;
        int redundantTable = (int)BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(RedundantDirectory)) * 512;
        byte[] one = BitConverter.GetBytes(1u);
        image = Changed(Changed(image, table, one), redundantTable, one);
        AssertError(image, ErrorKind.ImageCorrupt, "grain table entry");
        _disk.AsSpan(0, 65536).Clear();
        File.WriteAllBytes(_folder["zero.vmdk"], Changed(image, 8, [7]));
        Assert.Equal(_disk, TestImage.ReadAll(_folder["zero.vmdk"]));
        using DiskImage opened = OpenImage.ForReading(_folder["zero.vmdk"]);
        Assert.Equal(ExtentKind.Zero, opened.GetExtent(new GuestOffset(0), long.MaxValue).Kind);
        Assert.Equal(65536, opened.GetExtent(new GuestOffset(0), long.MaxValue).Length);
    }

    [Fact]
    public void Neighbouring_grains_are_one_extent_and_bad_entries_end_it()
    {
        byte[] image = Image(Subformat.Dynamic);
        File.WriteAllBytes(_folder["a.vmdk"], image);
        using DiskImage opened = OpenImage.ForReading(_folder["a.vmdk"]);
        Extent data = opened.GetExtent(new GuestOffset(1000), long.MaxValue);
        Assert.Equal(ExtentKind.Data, data.Kind);
        Assert.Equal((4 * 65536) - 1000, data.Length);
        byte[] host = image.AsSpan((int)data.HostOffset!.Value.Value, 1000).ToArray();
        Assert.Equal(_disk.AsSpan(1000, 1000).ToArray(), host);
        Assert.Equal(ExtentKind.Unallocated, opened.GetExtent(data.End, long.MaxValue).Kind);
    }

    [Theory]
    [InlineData(1UL << 38, true)]
    [InlineData(1UL << 39, false)]
    [InlineData(1UL << 50, false)]
    public void A_directory_of_holes_is_walked_through_in_few_reads_or_refused(ulong capacity, bool isRead)
    {
        byte[] image = Image(Subformat.Dynamic);
        using (FileStream file = SparseFile.Create(_folder["huge.vmdk"], 1L << 42))
        {
            // Without the redundant directory, which would lead anywhere from what is now far too short for it.
            byte[] header = Changed(Changed(image, 12, BitConverter.GetBytes(capacity)), 8, [1]);
            file.Write(Changed(header, 56, BitConverter.GetBytes(1UL << 20)));
        }

        long read = ThreadReads.During(() =>
        {
            if (!isRead)
            {
                Assert.Equal(ErrorKind.UnsupportedFeature, Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["huge.vmdk"])).Kind);
                return;
            }

            using DiskImage opened = OpenImage.ForReading(_folder["huge.vmdk"]);
            Extent last = opened.GetExtents(new GuestOffset(1L << 40), opened.Length - (1L << 40)).Last();
            Assert.Equal(opened.Length, last.End.Value);
        });
        // The largest directory that is read has 16 MiB.
        Assert.InRange(read, 0, 20 << 20);
    }

    [Theory]
    [InlineData(Subformat.Dynamic, 1)]
    [InlineData(Subformat.StreamOptimized, 2)]
    public void Random_damage_leads_to_named_errors_and_nothing_worse(Subformat subformat, int seed)
    {
        byte[] image = Image(subformat);
        var random = new Random(seed);
        int read = 0;
        int refused = 0;
        long most = 0;
        for (int round = 0; round < 300; round++)
        {
            byte[] broken = (byte[])image.Clone();
            int changes = random.Next(1, 4);
            for (int i = 0; i < changes; i++)
                broken[PlaceToDamage(random, broken.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(_folder["broken.vmdk"], broken);
            long bytes = ThreadReads.During(() =>
            {
                try
                {
                    ReadStartAndMap(_folder["broken.vmdk"]);
                    read++;
                }
                catch (DiskImageException)
                {
                    refused++;
                }
            });
            most = Math.Max(most, bytes);
        }

        // Both ends are reached: what reads as if nothing was wrong with it, and what is refused by name.
        Assert.Equal(300, read + refused);
        Assert.InRange(read, 200, 280);
        // The disk has 2 MiB, and no table is read twice.
        Assert.InRange(most, 1, 4 << 20);
    }

    /// <summary>A capacity that was damaged upwards makes a huge disk: its start and its map are enough.</summary>
    private static void ReadStartAndMap(string path)
    {
        using DiskImage opened = OpenImage.ForReading(path, "vmdk");
        byte[] start = new byte[Math.Min(opened.Length, 1 << 21)];
        opened.Read(new GuestOffset(0), start);
        foreach (Extent extent in opened.GetExtents(new GuestOffset(0), opened.Length).Take(10_000))
            Assert.True(extent.Length > 0);
    }

    private static int PlaceToDamage(Random random, int length) => random.Next(4) switch
    {
        0 => random.Next(512),
        1 => 512 + random.Next(512),
        2 => random.Next(Math.Min(length, 65536)),
        _ => length - 1 - random.Next(Math.Min(length, 8192)),
    };

    private static byte[] Changed(byte[] image, int offset, byte[] bytes)
    {
        byte[] changed = (byte[])image.Clone();
        bytes.CopyTo(changed, offset);
        return changed;
    }

    private byte[] Image(Subformat subformat)
    {
        string path = _folder[subformat + ".vmdk"];
        VmdkDisks.Convert(_folder["disk.raw"], path, subformat);
        return File.ReadAllBytes(path);
    }

    private void AssertReads(byte[] image, string? warning = null)
    {
        File.WriteAllBytes(_folder["broken.vmdk"], image);
        var warnings = new LoggedWarnings();
        using DiskImage opened = OpenImage.ForReading(_folder["broken.vmdk"], logger: warnings.Logger);
        byte[] all = new byte[opened.Length];
        opened.Read(new GuestOffset(0), all);
        Assert.Equal(_disk, all);
        if (warning is null)
            Assert.Empty(warnings.Messages);
        else
            Assert.Contains(warning, Assert.Single(warnings.Messages), StringComparison.Ordinal);
        Assert.Equal(ExtentKind.Data, opened.GetExtent(new GuestOffset(0), 512).Kind);
    }

    private void AssertError(byte[] image, ErrorKind kind, string words)
    {
        File.WriteAllBytes(_folder["broken.vmdk"], image);
        DiskImageException error = Assert.Throws<DiskImageException>(() => TestImage.ReadAll(_folder["broken.vmdk"], "vmdk"));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(words, error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(_folder["broken.vmdk"], error.Path);
        Assert.Equal(image, File.ReadAllBytes(_folder["broken.vmdk"]));
    }
}
