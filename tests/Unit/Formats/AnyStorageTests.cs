using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Tests.Formats.Vmdk;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>Images of every format are written to and read from whatever has bytes, and need no file of the host for it.</summary>
public sealed class AnyStorageTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int OddOffset = 12_345;

    private readonly TempFolder _folder = new();

    public static TheoryData<string, Subformat, bool> Variants()
    {
        var all = new TheoryData<string, Subformat, bool>();
        foreach (ImageFormat format in FormatRegistry.All)
        {
            foreach (Subformat subformat in format.Subformats)
                all.Add(format.Name, subformat, false);
            if (format.HasCompression)
                all.Add(format.Name, Subformat.Dynamic, true);
        }

        return all;
    }

    public static TheoryData<string> FormatsWithBacking() => new(FormatRegistry.All.Where(format => format.HasBackingFiles).Select(format => format.Name));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Variants))]
    public void What_is_written_into_memory_is_read_from_there_and_by_other_programs(string name, Subformat subformat, bool compress)
    {
        ImageFormat format = FormatRegistry.ByName(name);
        MemoryImage image = Write(format, subformat, compress, out byte[] disk);
        using (DiskImage opened = image.Read(format))
            Assert.Equal(disk, ReadAll(opened));

        string file = image.Save(_folder);
        File.WriteAllBytes(_folder["disk.raw"], disk);
        Qemu.AssertSame(format.QemuName, _folder["disk.raw"], file);
        if (name is "vhd" or "vhdx")
            Assert.Equal(disk, Libvhdi.ReadAll(_folder, file));
        else if (name == "vmdk")
            Assert.Equal(disk, LibVmdk.ReadAll(_folder, file));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void An_image_may_lie_anywhere_within_a_storage(string name, Subformat subformat, bool compress)
    {
        ImageFormat format = FormatRegistry.ByName(name);
        byte[] noise = Patterns.Random(OddOffset, 9);
        MemoryImage image = Write(format, subformat, compress, out byte[] disk, () => new StorageSlice(new MemoryStorage(noise), OddOffset, 0));
        image.Reading = storage =>
        {
            byte[] bytes = MemoryImage.BytesOf(storage);
            return new StorageSlice(new MemoryStorage([.. noise, .. bytes, .. noise], canWrite: false), OddOffset, bytes.Length);
        };
        using DiskImage opened = image.Read(format);
        Assert.Equal(disk, ReadAll(opened));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Whichever_read_fails_nothing_stays_open_and_the_next_attempt_succeeds(string name, Subformat subformat, bool compress)
    {
        ImageFormat format = FormatRegistry.ByName(name);
        MemoryImage image = Write(format, subformat, compress, out byte[] disk);
        (int whenOpening, int whenReading) = (0, 0);
        for (int number = 1; ; number++)
        {
            var failing = new FailingRead(number);
            image.Reading = failing.Over;
            DiskImage? opened = null;
            if (Record.Exception(() => opened = image.Read(format)) is { } refused)
            {
                whenOpening++;
                AssertFailedRead(refused);
                Assert.Equal(0, failing.Open);
                opened = image.Read(format);
            }

            using (opened)
            {
                if (Record.Exception(() => Assert.Equal(disk, ReadAll(opened!))) is { } failed)
                {
                    whenReading++;
                    AssertFailedRead(failed);
                    Assert.True(failing.HasFailed);
                    Assert.Equal(disk, ReadAll(opened!));
                }
            }

            Assert.Equal(0, failing.Open);
            if (!failing.HasFailed)
                break;
        }

        Assert.True(whenReading > 0);
        Assert.True(whenOpening > 0 || format.IsGuestBytes);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Whichever_change_fails_no_image_is_said_to_be_written(string name, Subformat subformat, bool compress)
    {
        for (int number = 1; ; number++)
        {
            int changes = 0;
            BlockStorage NewFile() => new MemoryStorage
            {
                BeforeChange = change =>
                {
                    if (Interlocked.Increment(ref changes) == number)
                        throw new DiskImageException(ErrorKind.NotEnoughSpace, "the disk is full", change.Kind.ToString());
                },
            };
            Exception? error = Record.Exception(() => Write(FormatRegistry.ByName(name), subformat, compress, out _, NewFile));
            if (changes < number)
            {
                Assert.Null(error);
                Assert.True(number > 3);
                break;
            }

            Assert.Equal(ErrorKind.NotEnoughSpace, Assert.IsType<DiskImageException>(error).Kind);
        }
    }

    [Theory]
    [MemberData(nameof(FormatsWithBacking))]
    public void An_image_in_memory_rests_on_another_one(string name)
    {
        ImageFormat format = FormatRegistry.ByName(name);
        MemoryImage below = Write(format, Subformat.Dynamic, compress: false, out byte[] disk);
        var image = new MemoryImage("top" + format.Extensions[0]);
        byte[] changed = (byte[])disk.Clone();
        Patterns.Random(200_000, 5).CopyTo(changed, MiB + 4096);
        using (DiskImage parent = below.Read(format))
            image.Fill(format, changed, new TargetOptions { Size = disk.Length, Backing = new BackingReference(Path.GetFileName(below.Target), null), BackingImage = parent });
        Assert.True(image.Storage.Length < below.Storage.Length);

        using DiskImage top = image.Read(format);
        Assert.Equal(Path.GetFileName(below.Target), Path.GetFileName(top.BackingReference!.Name));
        DiskImage backing = below.Read(format);
        Assert.Null(top.CheckBacking(backing));
        top.AttachBacking(backing);
        Assert.Equal(changed, ReadAll(top));
    }

    [Fact]
    public void An_image_of_several_files_is_refused_where_there_is_but_one()
    {
        ImageFormat format = FormatRegistry.ByName("vmdk");
        MemoryImage image = Write(format, Subformat.Fixed, compress: false, out _);
        var error = Assert.Throws<DiskImageException>(() => format.Open(image.Storage, ImageOpenOptions.Default));
        Assert.Equal(ErrorKind.UnsupportedFeature, error.Kind);
        Assert.Contains("'image-flat.vmdk'", error.Rule, StringComparison.Ordinal);
        using DiskImage described = format.Open(image.Storage, ImageOpenOptions.DescribeOnly);
        Assert.Equal("monolithicFlat", described.Details.Subformat);
    }

    [Fact]
    public void A_data_file_is_found_wherever_the_image_finds_its_files()
    {
        Qemu.Require();
        string path = _folder["image.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", $"data_file={_folder["image.data"]}", path, "2M");
        Qemu.IoOk(path, "qcow2", ["write -P 1 0 100k", "write -P 2 1m 64k"]);
        var image = new MemoryImage("image.qcow2");
        image.Load(path);
        image.Load(_folder["image.data"]);
        ImageFormat format = FormatRegistry.ByName("qcow2");
        var consent = new ImageOpenOptions { AllowExternalData = true };
        byte[] expected = new byte[2 * MiB];
        expected.AsSpan(0, 100 << 10).Fill(1);
        expected.AsSpan(MiB, 64 << 10).Fill(2);
        using (DiskImage opened = image.Read(format, consent))
            Assert.Equal(expected, ReadAll(opened));
        Assert.Equal(ErrorKind.UnsupportedFeature, Assert.Throws<DiskImageException>(() => format.Open(image.Storage, consent)).Kind);
    }

    /// <summary>Writes a disk of noise and zeroes in runs of all lengths, which ends off every boundary that the format allows.</summary>
    private static MemoryImage Write(ImageFormat format, Subformat subformat, bool compress, out byte[] disk, Func<BlockStorage>? newFile = null)
    {
        disk = new byte[format.PaddedSize((3 * MiB) + 512, subformat)];
        foreach ((int offset, int length) in new[] { (0, 512), (70_000, 4096), (300_000, 500_000), ((2 * MiB) - 100, 200), (disk.Length - 70_000, 70_000) })
            Patterns.Random(length, offset).CopyTo(disk, offset);
        disk.AsSpan(MiB, 100_000).Fill(0x5a);
        var image = new MemoryImage("image" + format.Extensions[0], newFile);
        image.Fill(format, disk, new TargetOptions { Size = disk.Length, Subformat = subformat, Compress = compress });
        return image;
    }

    /// <summary>All that the guest sees; on the way the image says where it lies.</summary>
    private static byte[] ReadAll(DiskImage image)
    {
        GuestOffset end = default;
        foreach (ChainExtent extent in image.GetChainExtents(default, image.Length))
        {
            Assert.Equal(end, extent.Run.Offset);
            end = extent.Run.End;
        }

        Assert.Equal(image.Length, end.Value);
        byte[] all = new byte[image.Length];
        image.Read(0, all);
        return all;
    }

    private static void AssertFailedRead(Exception error)
    {
        var failed = Assert.IsType<DiskImageException>(error);
        Assert.Equal(ErrorKind.AccessDenied, failed.Kind);
        Assert.True(StorageErrors.IsFailedRead(failed));
    }
}
