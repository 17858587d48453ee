using System;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A block device is read as a file is, in every operation.</summary>
public sealed class DeviceSourceTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Size = 4 * MiB;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void A_raw_disk_on_a_device_is_described_mapped_measured_compared_read_and_converted(int sectorSize)
    {
        Qemu.Require();
        using var device = new LoopDevice(Size, sectorSize, filler: 7);
        byte[] bytes = Patterns.Random(MiB, 1);
        File.WriteAllBytes(_folder["content.raw"], [.. bytes, .. Enumerable.Repeat((byte)7, Size - MiB)]);
        Qemu.ImgOk("convert", "-n", "-f", "raw", "-O", "raw", _folder["content.raw"], device.Path);

        ImageDescription description = Describe.Of(device.Path);
        Assert.Equal(("raw", Size, Size), (description.Format, description.Size, description.FileSize));
        Assert.Null(description.AllocatedSize);
        MappedExtent extent = Assert.Single(MapImage.Run(new MapImageOptions { Path = device.Path }));
        Assert.Equal((ExtentKind.Data, Size), (extent.Kind, extent.Length));
        Assert.Equal(Size, MeasureImage.Run(new MeasureImageOptions { Format = "raw", Path = device.Path }).FileSize);
        Assert.True(CompareImages.Run(new CompareImagesOptions { Path = device.Path, DifferencePath = _folder["content.raw"] }).IsEqual);
        Assert.Equal(bytes, ReadContent.ToArray(new ReadContentOptions { Path = device.Path, Length = MiB }));
        ConvertImage.Run(new ConvertImageOptions { Path = device.Path, DestinationPath = _folder["copy.qed"], Verify = true });
        Qemu.AssertSame("qed", _folder["content.raw"], _folder["copy.qed"]);
    }

    [Fact]
    public void A_raw_backing_file_may_be_a_device()
    {
        Qemu.Require();
        using var device = new LoopDevice(Size, filler: 9);
        string overlay = TestImage.Create(_folder["overlay.qed"], Size, backing: device.Path, backingFormat: "raw");
        TestImage.Write(overlay, MiB, Patterns.Random(4096, 2));
        byte[] expected = Enumerable.Repeat((byte)9, Size).ToArray();
        Patterns.Random(4096, 2).CopyTo(expected, MiB);
        Assert.Equal(expected, TestImage.ReadAll(overlay));
        File.WriteAllBytes(_folder["expected.raw"], expected);
        Qemu.AssertSame("qed", _folder["expected.raw"], overlay);
        SetBackingFile.Run(new SetBackingFileOptions { Path = overlay });
        Assert.Null(Describe.Of(overlay).BackingPath);
        Qemu.AssertSame("qed", _folder["expected.raw"], overlay);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void What_lies_behind_an_image_on_a_device_is_no_leak(int sectorSize)
    {
        using var device = new LoopDevice(8 * MiB, sectorSize);
        PutImage(device);
        foreach (bool online in new[] { false, true })
        {
            CheckResult result = CheckImage.Run(new CheckImageOptions { Path = device.Path, Online = online });
            Assert.Equal((0, 0), (result.Corruptions, result.LeakedClusters));
            Assert.Empty(result.Issues);
        }
    }

    [Fact]
    public void A_cluster_before_the_last_one_that_nothing_references_is_free_there()
    {
        using var device = new LoopDevice(8 * MiB);
        string file = PutImage(device, clearFirstEntry: true);
        CheckResult inFile = CheckImage.Run(new CheckImageOptions { Path = file });
        Assert.Equal((0, 1, 0), (inFile.Corruptions, inFile.LeakedClusters, inFile.FreeClusters));
        foreach (bool online in new[] { false, true })
        {
            CheckResult onDevice = CheckImage.Run(new CheckImageOptions { Path = device.Path, Online = online });
            Assert.Equal((0, 0, 1), (onDevice.Corruptions, onDevice.LeakedClusters, onDevice.FreeClusters));
            Assert.Equal((new FileInfo(file).Length, 8 * MiB), (onDevice.EndOfUse, onDevice.FileSize));
        }
    }

    [Fact]
    public void The_source_is_never_the_device_that_it_lies_on_nor_the_file_under_it()
    {
        using var device = new LoopDevice(Size);
        File.Copy(device.Content, _folder["before"]);
        Fails.With(ErrorKind.ImageExists, "same file", () => Overwrite(device.Path, device.Path));
        Fails.With(ErrorKind.ImageExists, "lies on", () => Overwrite(device.Content, device.Path));
        Fails.With(ErrorKind.ImageExists, "lies on", () => Overwrite(device.Path, device.Content));
        using (var other = new SecondNode(device, _folder["node"]))
            Fails.With(ErrorKind.ImageExists, "same file", () => Overwrite(other.Path, device.Path));
        string overlay = TestImage.Create(_folder["overlay.qed"], Size, backing: device.Path, backingFormat: "raw");
        Fails.With(ErrorKind.ImageExists, "backing file", () => Overwrite(overlay, device.Path));
        Fails.With(ErrorKind.ImageExists, "lies on", () => Overwrite(overlay, device.Content));
        Assert.Equal(File.ReadAllBytes(_folder["before"]), File.ReadAllBytes(device.Content));
        device.AssertIsDevice();
    }

    private static void Overwrite(string source, string target)
        => ConvertImage.Run(new ConvertImageOptions { Path = source, DestinationPath = target, Format = "qed", Force = true });

    /// <summary>An image with data in two clusters, put on the device byte for byte.</summary>
    private string PutImage(LoopDevice device, bool clearFirstEntry = false)
    {
        string path = TestImage.Create(_folder["image.qed"], Size, 65536, 1);
        TestImage.Write(path, 0, Patterns.Random(65536, 3));
        TestImage.Write(path, MiB, Patterns.Random(65536, 4));
        if (clearFirstEntry)
        {
            QedHeader header;
            using (QedImage image = QedImage.Open(path))
                header = image.Header;
            using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite);
            byte[] entry = new byte[8];
            file.Position = header.L1TableOffset.Value;
            file.ReadExactly(entry);
            file.Position = BitConverter.ToInt64(entry);
            file.Write(new byte[8]);
        }

        Assert.Equal(0, Qemu.Run("dd", "if=" + path, "of=" + device.Path, "bs=64K", "conv=notrunc,fsync").ExitCode);
        return path;
    }

    /// <summary>A further node of a device, in a folder of the test's own.</summary>
    private sealed class SecondNode : IDisposable
    {
        internal SecondNode(LoopDevice device, string path)
        {
            Path = path;
            Qemu.Result numbers = Qemu.Run("stat", "--format", "%Hr %Lr", device.Path);
            string[] parts = numbers.Output.Trim().Split(' ');
            Qemu.Result made = Qemu.Run("mknod", path, "b", parts[0], parts[1]);
            Assert.SkipUnless(made.ExitCode == 0, "no device node can be made here: " + made.Error);
        }

        internal string Path { get; }

        public void Dispose() => File.Delete(Path);
    }
}
