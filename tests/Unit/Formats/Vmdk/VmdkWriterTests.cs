using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats.Vmdk;

public sealed class VmdkWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Compressing_makes_a_stream_in_the_order_that_VMware_reads()
    {
        byte[] disk = VmdkDisks.Make("every other grain");
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "a.raw", disk), _folder["a.vmdk"], compress: true);
        byte[] file = File.ReadAllBytes(_folder["a.vmdk"]);
        Assert.Equal(3u, BitConverter.ToUInt32(file, 4));
        Assert.Equal(0x30001u, BitConverter.ToUInt32(file, 8));
        Assert.Equal(ulong.MaxValue, BitConverter.ToUInt64(file, 56));
        Assert.Equal("\n \r\n", Encoding.ASCII.GetString(file, 73, 4));
        Assert.Equal(0, file[72]);

        // Walked as a stream, without the tables.
        int grains = 0;
        long last = -1;
        int at = 128 * 512;
        uint type = uint.MaxValue;
        int tables = 0;
        while (type != 0)
        {
            long value = BitConverter.ToInt64(file, at);
            int size = BitConverter.ToInt32(file, at + 8);
            if (size > 0)
            {
                Assert.True(value > last, "Grains are not in ascending order.");
                last = value;
                grains++;
                at += (12 + size + 511) / 512 * 512;
                continue;
            }

            type = BitConverter.ToUInt32(file, at + 12);
            tables += type == 1 ? 1 : 0;
            at += 512 + ((int)value * 512);
        }

        Assert.Equal(file.Length, at);
        Assert.Equal(disk.Chunk(65536).Count(grain => grain.Any(value => value != 0)), grains);
        Assert.Equal(2, tables);
        Assert.Equal(3u, BitConverter.ToUInt32(file, file.Length - 1536 + 12));
        Assert.Equal("streamOptimized", Describe.Of(_folder["a.vmdk"]).Subformat);
    }

    [Fact]
    public void Both_directories_lead_to_the_same_grains()
    {
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "a.raw", VmdkDisks.Make("every other grain")), _folder["a.vmdk"]);
        byte[] file = File.ReadAllBytes(_folder["a.vmdk"]);
        int redundant = (int)BitConverter.ToUInt64(file, 48) * 512;
        int primary = (int)BitConverter.ToUInt64(file, 56) * 512;
        Assert.NotEqual(redundant, primary);
        for (int table = 0; table < 2; table++)
        {
            int left = (int)BitConverter.ToUInt32(file, redundant + (table * 4)) * 512;
            int right = (int)BitConverter.ToUInt32(file, primary + (table * 4)) * 512;
            Assert.NotEqual(left, right);
            Assert.Equal(file.AsSpan(left, 2048).ToArray(), file.AsSpan(right, 2048).ToArray());
        }
    }

    [Fact]
    public void The_descriptor_says_what_VMware_wants_to_know()
    {
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "a.raw", VmdkDisks.Make("odd size")), _folder["a.vmdk"]);
        string text = Encoding.ASCII.GetString(File.ReadAllBytes(_folder["a.vmdk"]), 512, 20 * 512).TrimEnd('\0');
        Assert.StartsWith("# Disk DescriptorFile\nversion=1\n", text, StringComparison.Ordinal);
        foreach (string line in new[] { "parentCID=ffffffff", "createType=\"monolithicSparse\"", "RW 4113 SPARSE \"a.vmdk\"", "ddb.adapterType = \"lsilogic\"", "ddb.virtualHWVersion = \"4\"", "ddb.geometry.cylinders = \"2\"", "ddb.geometry.heads = \"64\"", "ddb.geometry.sectors = \"32\"" })
            Assert.Contains($"\n{line}\n", text, StringComparison.Ordinal);
        Assert.Matches("\nCID=[0-9a-f]{8}\n", text);
    }

    [Fact]
    public void A_flat_image_is_two_files_and_nothing_is_left_when_it_fails()
    {
        byte[] disk = VmdkDisks.Make("odd size");
        string raw = VmdkDisks.WriteRaw(_folder, "a.raw", disk);
        VmdkDisks.Convert(raw, _folder["a.vmdk"], Subformat.Fixed);
        Assert.Equal(["a-flat.vmdk", "a.raw", "a.vmdk"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(disk, File.ReadAllBytes(_folder["a-flat.vmdk"]));
        Assert.Equal(ErrorKind.ImageExists, Assert.Throws<DiskImageException>(() => VmdkDisks.Convert(raw, _folder["a.vmdk"], Subformat.Fixed)).Kind);

        // An extent that is in the way is not overwritten unasked.
        File.WriteAllText(_folder["b-flat.vmdk"], "precious");
        Assert.Equal(ErrorKind.ImageExists, Assert.Throws<DiskImageException>(() => VmdkDisks.Convert(raw, _folder["b.vmdk"], Subformat.Fixed)).Kind);
        Assert.Equal("precious", File.ReadAllText(_folder["b-flat.vmdk"]));
        Assert.Equal(4, Directory.GetFiles(_folder.Path).Length);
        ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = _folder["b.vmdk"], Subformat = Subformat.Fixed, Verify = true, Force = true });
        Assert.Equal(disk, TestImage.ReadAll(_folder["b.vmdk"]));
    }

    [Fact]
    public void A_delta_is_refused_over_a_parent_that_changed_or_is_another_one()
    {
        byte[] old = VmdkDisks.Make("full");
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "old.raw", old), _folder["parent.vmdk"]);
        VmdkDisks.Convert(_folder["old.raw"], _folder["delta.vmdk"], backing: "parent.vmdk");
        Assert.Equal(old, TestImage.ReadAll(_folder["delta.vmdk"]));
        ImageDescription described = Describe.Of(_folder["delta.vmdk"]);
        Assert.Equal("parent.vmdk", described.BackingPath);
        Assert.Equal("vmdk", described.BackingFormat);

        VmdkDisks.Convert(_folder["old.raw"], _folder["other.vmdk"]);
        File.Move(_folder["other.vmdk"], _folder["parent.vmdk"], overwrite: true);
        DiskImageException error = Assert.Throws<DiskImageException>(() => OpenImage.ForReading(_folder["delta.vmdk"]));
        Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
        Assert.Contains("content id", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_parent_named_by_a_full_path_is_found_beside_the_image_after_both_have_moved()
    {
        byte[] old = VmdkDisks.Make("full");
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "old.raw", old), _folder["parent.vmdk"]);
        VmdkDisks.Convert(_folder["old.raw"], _folder["delta.vmdk"], backing: _folder["parent.vmdk"]);
        using var moved = new TempFolder();
        File.Move(_folder["parent.vmdk"], moved["parent.vmdk"]);
        File.Move(_folder["delta.vmdk"], moved["delta.vmdk"]);
        Assert.Equal(old, TestImage.ReadAll(moved["delta.vmdk"]));
    }

    [Fact]
    public void A_delta_of_a_delta_over_a_stream_reads_through_all_three()
    {
        byte[] first = VmdkDisks.Make("every other grain");
        byte[] second = (byte[])first.Clone();
        second.AsSpan(1_000_000, 5000).Fill(0x77);
        byte[] third = (byte[])second.Clone();
        third.AsSpan(2_000_000, 300_000).Clear();
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "1.raw", first), _folder["1.vmdk"], Subformat.StreamOptimized);
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "2.raw", second), _folder["2.vmdk"], backing: "1.vmdk");
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "3.raw", third), _folder["3.vmdk"], grain: 8192, backing: "2.vmdk");
        Assert.Equal(third, TestImage.ReadAll(_folder["3.vmdk"]));
        Assert.Equal(second, TestImage.ReadAll(_folder["2.vmdk"]));
    }

    [Fact]
    public void A_parent_of_another_format_is_refused()
    {
        VmdkDisks.WriteRaw(_folder, "a.raw", VmdkDisks.Make("full"));
        DiskImageException error = Assert.Throws<DiskImageException>(() => VmdkDisks.Convert(_folder["a.raw"], _folder["b.vmdk"], backing: "a.raw"));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        Assert.False(File.Exists(_folder["b.vmdk"]));
    }

    [Theory]
    [InlineData(Subformat.Dynamic, 4096L, false, ErrorKind.InvalidGeometry)]
    [InlineData(Subformat.Dynamic, 12288L, false, ErrorKind.InvalidGeometry)]
    [InlineData(Subformat.Dynamic, 2097152L, false, ErrorKind.InvalidGeometry)]
    [InlineData(Subformat.Dynamic, -5L, false, ErrorKind.InvalidGeometry)]
    [InlineData(Subformat.Dynamic, long.MaxValue, false, ErrorKind.InvalidGeometry)]
    [InlineData(Subformat.StreamOptimized, 131072L, false, ErrorKind.InvalidGeometry)]
    [InlineData(Subformat.Fixed, 65536L, false, ErrorKind.UnsupportedFeature)]
    [InlineData(Subformat.Fixed, null, true, ErrorKind.UnsupportedFeature)]
    public void What_cannot_be_written_is_refused_with_what_can(Subformat subformat, long? grain, bool compress, ErrorKind kind)
    {
        VmdkDisks.WriteRaw(_folder, "a.raw", VmdkDisks.Make("full"));
        DiskImageException error = Assert.Throws<DiskImageException>(() => VmdkDisks.Convert(_folder["a.raw"], _folder["b.vmdk"], subformat, grain, compress));
        Assert.Equal(kind, error.Kind);
        Assert.Equal(_folder["b.vmdk"], error.Path);
        Assert.Equal(kind == ErrorKind.InvalidGeometry, error.Remedy?.Kind == RemedyKind.TakeNearest);
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Disks_that_are_too_large_or_empty_are_refused()
    {
        SparseFile.Create(_folder["large.raw"], (2L << 40) + 512).Dispose();
        File.WriteAllBytes(_folder["empty.raw"], []);
        foreach (string name in new[] { "large.raw", "empty.raw" })
        {
            DiskImageException error = Assert.Throws<DiskImageException>(() => VmdkDisks.Convert(_folder[name], _folder["b.vmdk"]));
            Assert.Equal(ErrorKind.InvalidSize, error.Kind);
            Assert.NotNull(error.Remedy);
        }
    }

    [Fact]
    public void A_name_that_a_descriptor_cannot_hold_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such names");
        VmdkDisks.WriteRaw(_folder, "a.raw", VmdkDisks.Make("one sector"));
        foreach (Subformat subformat in new[] { Subformat.Dynamic, Subformat.StreamOptimized, Subformat.Fixed })
        {
            DiskImageException error = Assert.Throws<DiskImageException>(() => VmdkDisks.Convert(_folder["a.raw"], _folder["b\"c.vmdk"], subformat));
            Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        }
    }

    [Fact]
    public void Small_reads_of_compressed_grains_from_many_threads_are_right()
    {
        byte[] disk = Patterns.Random(3 << 20, 5);
        disk.AsSpan(1 << 20, 1 << 19).Fill(9);
        VmdkDisks.Convert(VmdkDisks.WriteRaw(_folder, "a.raw", disk), _folder["a.vmdk"], Subformat.StreamOptimized);
        using DiskImage image = OpenImage.ForReading(_folder["a.vmdk"]);
        System.Threading.Tasks.Parallel.For(0, 8, seed =>
        {
            var random = new Random(seed);
            byte[] buffer = new byte[100_000];
            for (int i = 0; i < 40; i++)
            {
                int length = random.Next(1, i % 4 == 0 ? buffer.Length : 600);
                int offset = random.Next(disk.Length - length);
                image.Read(new GuestOffset(offset), buffer.AsSpan(0, length));
                Assert.True(disk.AsSpan(offset, length).SequenceEqual(buffer.AsSpan(0, length)));
            }
        });
    }

    [Fact]
    public void Tables_of_a_disk_with_data_everywhere_stay_in_bounded_memory()
    {
        // 8 KiB grains, one with data in every 100 MiB: far more table pages than are kept.
        SparseFile.RequireHoles();
        const long Size = 100L << 30;
        using (FileStream file = SparseFile.Create(_folder["a.raw"], Size))
        {
            for (long offset = 0; offset < Size; offset += 100 << 20)
            {
                file.Position = offset;
                file.Write(BitConverter.GetBytes(offset + 1));
            }
        }

        VmdkDisks.Convert(_folder["a.raw"], _folder["a.vmdk"], grain: 8192);
        using DiskImage image = OpenImage.ForReading(_folder["a.vmdk"]);
        byte[] bytes = new byte[8];
        for (long offset = 0; offset < Size; offset += 100 << 20)
        {
            image.Read(new GuestOffset(offset), bytes);
            Assert.Equal(offset + 1, BinaryPrimitives.ReadInt64LittleEndian(bytes));
        }
    }
}
