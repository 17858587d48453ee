using System;
using System.IO;
using System.Threading;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A block device is written in place, wholly and only when it is free and large enough; QEMU reads the result from it.</summary>
public sealed class DeviceTargetTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int DiskSize = 12 * MiB;
    // A VHDX of one block takes 36 MiB.
    private const int RoomForAll = 40 * MiB;
    private const int Room = 16 * MiB;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = new byte[DiskSize];

    public DeviceTargetTests()
    {
        // Data, and between it what must read as zeroes: large and small, aligned and not.
        Patterns.Random(3 * MiB, 1).CopyTo(_disk, 0);
        Patterns.Random(4096, 2).CopyTo(_disk, 5 * MiB);
        Patterns.Random(700, 3).CopyTo(_disk, (6 * MiB) + 333);
        Patterns.Random(2 * MiB, 4).CopyTo(_disk, 9 * MiB);
        File.WriteAllBytes(Source, _disk);
        Qemu.ImgOk("convert", "-O", "raw", Source, _folder["sparse.raw"]);
        File.Move(_folder["sparse.raw"], Source, overwrite: true);
    }

    public static TheoryData<string, string> Formats { get; } = new()
    {
        { "raw", "raw" }, { "qed", "qed" }, { "qcow2", "qcow2" }, { "vhd", "vpc" }, { "vhdx", "vhdx" }, { "vmdk", "vmdk" }, { "vdi", "vdi" },
    };

    private string Source => _folder["source.raw"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void An_image_of_any_format_is_written_to_a_device_and_QEMU_reads_it_there(string format, string qemuFormat)
    {
        Qemu.Require();
        using var device = new LoopDevice(RoomForAll);
        Convert(device, format, verify: true);
        device.AssertIsDevice();
        AssertReadsAsSource(device, format, qemuFormat);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_device_of_4096_byte_sectors_is_written_as_well(string format, string qemuFormat)
    {
        Qemu.Require();
        using var device = new LoopDevice(RoomForAll, sectorSize: 4096);
        Convert(device, format, verify: false);
        device.AssertIsDevice();
        AssertReadsAsSource(device, format, qemuFormat);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void An_empty_image_reads_as_zeroes_whatever_was_on_the_device(string format, string qemuFormat)
    {
        Qemu.Require();
        using var device = new LoopDevice(Room);
        CreateImage.Run(new CreateImageOptions { Path = device.Path, Format = format, Size = DiskSize, Force = true });
        using (FileStream zeroes = File.Create(_folder["zeroes.raw"]))
            zeroes.SetLength(DiskSize);
        if (format == "raw")
            Assert.Equal(-1, device.Bytes().AsSpan(0, DiskSize).IndexOfAnyExcept((byte)0));
        else
            Qemu.AssertSame(qemuFormat, _folder["zeroes.raw"], device.Path);
    }

    [Fact]
    public void A_raw_image_leaves_alone_what_lies_behind_it()
    {
        using var device = new LoopDevice(16 * MiB);
        Convert(device, "raw", verify: true);
        byte[] bytes = device.Bytes();
        Assert.Equal(_disk, bytes[..DiskSize]);
        Assert.Equal(-1, bytes.AsSpan(DiskSize).IndexOfAnyExcept((byte)0x5a));
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("raw")]
    public void A_device_that_is_just_large_enough_is_filled_to_the_last_byte(string format)
    {
        long size = MeasureImage.Run(new MeasureImageOptions { Format = format, Path = Source, Exact = true }).FileSize;
        using (var device = new LoopDevice(size))
        {
            Convert(device, format, verify: true);
            AssertReadsAsSource(device, format, format);
        }

        using var tooSmall = new LoopDevice(size - 4096);
        Fails.With(ErrorKind.NotEnoughSpace, "Nothing was written", () => Convert(tooSmall, format, verify: true));
        Assert.Equal(-1, tooSmall.Bytes().AsSpan().IndexOfAnyExcept((byte)0x5a));
    }

    [Fact]
    public void Without_Force_nothing_is_written()
    {
        using var device = new LoopDevice(Room);
        Fails.With(ErrorKind.ImageExists, "a block device", () => ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = device.Path, Format = "qed" }));
        Fails.With(ErrorKind.ImageExists, "a block device", () => CreateImage.Run(new CreateImageOptions { Path = device.Path, Size = MiB }));
        Assert.Equal(-1, device.Bytes().AsSpan().IndexOfAnyExcept((byte)0x5a));
    }

    [Fact]
    public void A_read_only_device_is_refused_by_that_name()
    {
        using var device = new LoopDevice(Room, isReadOnly: true);
        Fails.With(ErrorKind.AccessDenied, "block device is read-only", () => Convert(device, "qed", verify: false));
    }

    [Fact]
    public void A_mounted_device_is_refused_and_told_where_it_is_mounted()
    {
        using var device = new LoopDevice(Room);
        Assert.Equal(0, Qemu.Run("mkfs.ext4", "-q", device.Path).ExitCode);
        using var mounted = new MountedFolder(device.Path);
        Fails.With(ErrorKind.ImageInUse, $"mounted at '{mounted.Path}'", () => Convert(device, "qed", verify: false));
    }

    [Fact]
    public void A_device_that_somebody_writes_to_is_refused()
    {
        using var device = new LoopDevice(Room);
        using (new FileStream(device.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            Fails.With(ErrorKind.ImageInUse, "in use by", () => Convert(device, "qed", verify: false));
        Assert.Equal(-1, device.Bytes().AsSpan().IndexOfAnyExcept((byte)0x5a));
    }

    [Fact]
    public void What_was_begun_and_not_ended_passes_for_no_image()
    {
        Qemu.Require();
        using var device = new LoopDevice(Room);
        Convert(device, "qed", verify: false);
        using var cancel = new CancellationTokenSource();
        var logger = new CallbackLogger((_, message) =>
        {
            if (message.StartsWith("Copied ", StringComparison.Ordinal))
                cancel.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => ConvertImage.Run(
            new ConvertImageOptions { Path = Source, DestinationPath = device.Path, Format = "qcow2", Force = true }, logger: logger, cancellation: cancel.Token));
        Assert.Equal("raw", Describe.Of(device.Path).Format);
        Assert.Equal(-1, device.Bytes().AsSpan(0, 4096).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void What_an_earlier_image_left_at_the_end_of_the_device_is_no_image_any_more()
    {
        using var device = new LoopDevice(DiskSize + 512);
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = device.Path, Format = "vhd", Subformat = Subformat.Fixed, Force = true });
        Assert.Equal("vhd", Describe.Of(device.Path).Format);
        CreateImage.Run(new CreateImageOptions { Path = device.Path, Size = MiB, Force = true });
        Assert.Equal("qed", Describe.Of(device.Path).Format);
    }

    [Theory]
    [InlineData("vhd", Subformat.Fixed, "just")]
    [InlineData("vmdk", Subformat.Fixed, "several files")]
    [InlineData("vmdk", Subformat.StreamOptimized, "stream-optimized")]
    public void What_readers_could_not_find_on_a_device_is_refused_by_name(string format, Subformat subformat, string reason)
    {
        using var device = new LoopDevice(Room);
        Fails.With(ErrorKind.UnsupportedFeature, reason, () => ConvertImage.Run(
            new ConvertImageOptions { Path = Source, DestinationPath = device.Path, Format = format, Subformat = subformat, Force = true }));
        Assert.Equal(-1, device.Bytes().AsSpan().IndexOfAnyExcept((byte)0x5a));
    }

    [Fact]
    public void A_link_to_a_device_leads_to_it()
    {
        using var device = new LoopDevice(Room);
        Link.Symbolic(_folder["volume"], device.Path);
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["volume"], Format = "qed", Force = true });
        device.AssertIsDevice();
        Assert.Equal(device.Path, new FileInfo(_folder["volume"]).LinkTarget);
        AssertReadsAsSource(device, "qed", "qed");
    }

    private void Convert(LoopDevice device, string format, bool verify)
        => ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = device.Path, Format = format, Verify = verify, Force = true });

    private void AssertReadsAsSource(LoopDevice device, string format, string qemuFormat)
    {
        if (format != "raw")
        {
            Qemu.AssertSame(qemuFormat, Source, device.Path);
            Assert.Equal(_disk, TestImage.ReadAll(device.Path));
            return;
        }

        Assert.Equal(_disk, device.Bytes()[..DiskSize]);
        Qemu.ImgOk("convert", "-f", "raw", "-O", "raw", device.Path, _folder["back.raw"]);
        Assert.Equal(_disk, File.ReadAllBytes(_folder["back.raw"])[..DiskSize]);
    }
}
