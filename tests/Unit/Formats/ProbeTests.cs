using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Operations;
using Qed.Targets;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats;

/// <summary>What a file is taken for where nobody says what it is.</summary>
public sealed class ProbeTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int IsoSignature = 32769;

    private static readonly Dictionary<string, (int Offset, byte[] Bytes)> Contents = new()
    {
        ["partitions"] = (510, [0x55, 0xaa]),
        ["a GUID partition table"] = (512, [.. "EFI PART"u8]),
        ["a GUID partition table of large sectors"] = (4096, [.. "EFI PART"u8]),
        ["ISO 9660"] = (IsoSignature, [.. "CD001"u8]),
        ["ext4"] = (1080, [0x53, 0xef]),
        ["XFS"] = (0, [.. "XFSB"u8]),
        ["btrfs"] = (65600, [.. "_BHRfS_M"u8]),
        ["HFS+"] = (1024, [(byte)'H', (byte)'+', 0, 4]),
        ["APFS"] = (32, [.. "NXSB"u8]),
        ["LUKS"] = (0, [.. "LUKS"u8, 0xba, 0xbe]),
        ["LVM"] = (512, [.. "LABELONE"u8]),
        ["swap space"] = (4086, [.. "SWAPSPACE2"u8]),
        ["squashfs"] = (0, [.. "hsqs"u8]),
    };

    private readonly TempFolder _folder = new();

    public static TheoryData<string> Structures { get; } = [.. Contents.Keys];

    public static TheoryData<string> Formats { get; } = [.. FormatRegistry.All.Select(format => format.Name).Where(name => name != "raw")];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void An_ISO_image_with_another_formats_header_in_its_system_area_is_nobodys_until_its_format_is_said(string format)
    {
        byte[] image = Image(format);
        byte[] iso = new byte[2 * MiB];
        image.AsSpan(0, Math.Min(4096, image.Length)).CopyTo(iso);
        "CD001"u8.CopyTo(iso.AsSpan(IsoSignature));
        File.WriteAllBytes(_folder["disk.iso"], iso);
        DiskImageException error = Fails.With(ErrorKind.ImageNotRecognized, "ISO 9660", () => Describe.Of(_folder["disk.iso"]));
        Assert.Contains(FormatRegistry.ByName(format).DisplayName, error.Message, StringComparison.Ordinal);
        Assert.Equal(RemedyKind.SayFormat, error.Remedy!.Kind);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.iso"], SourceFormat = "raw", DestinationPath = _folder["copy.raw"] });
        Assert.Equal(iso, File.ReadAllBytes(_folder["copy.raw"]));

        // The same at the start of an image that is no ISO.
        if (image.Length > IsoSignature + 5)
            "CD001"u8.CopyTo(image.AsSpan(IsoSignature));
        File.WriteAllBytes(_folder["image"], image);
        if (image.Length > IsoSignature + 5)
            Fails.With(ErrorKind.ImageNotRecognized, () => Describe.Of(_folder["image"]));
        Assert.Equal(format, Describe.Of(_folder["image"], format).Format);
    }

    [Fact]
    public void A_fixed_VHD_of_an_ISO_image_is_a_VHD()
    {
        byte[] iso = new byte[MiB];
        "CD001"u8.CopyTo(iso.AsSpan(IsoSignature));
        File.WriteAllBytes(_folder["disk.iso"], iso);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.iso"], DestinationPath = _folder["disk.vhd"], Subformat = Subformat.Fixed });
        Assert.Equal("vhd", Describe.Of(_folder["disk.vhd"]).Format);
        Assert.Equal(iso, TestImage.ReadAll(_folder["disk.vhd"]));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void An_image_of_an_ISO_image_is_what_it_is(string format)
    {
        byte[] iso = new byte[MiB];
        "CD001"u8.CopyTo(iso.AsSpan(IsoSignature));
        File.WriteAllBytes(_folder["disk.iso"], iso);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.iso"], DestinationPath = _folder["image"], Format = format });
        Assert.Equal(format, Describe.Of(_folder["image"]).Format);
    }

    [Fact]
    public void A_fixed_VHD_whose_disk_starts_like_another_format_is_nobodys_until_its_format_is_said()
    {
        byte[] disk = new byte[MiB];
        Image("qcow2").AsSpan(0, 4096).CopyTo(disk);
        File.WriteAllBytes(_folder["disk.raw"], disk);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["disk.raw"], SourceFormat = "raw", DestinationPath = _folder["disk.vhd"], Subformat = Subformat.Fixed });
        DiskImageException error = Fails.With(ErrorKind.ImageNotRecognized, "qcow2", () => Describe.Of(_folder["disk.vhd"]));
        Assert.Contains("VHD", error.Message, StringComparison.Ordinal);
        Assert.Equal(disk, TestImage.ReadAll(_folder["disk.vhd"], "vhd"));
    }

    [Theory]
    [MemberData(nameof(Structures))]
    public void A_raw_disk_is_recognised_by_what_it_holds(string structure)
    {
        byte[] disk = new byte[MiB];
        (int offset, byte[] bytes) = Contents[structure];
        bytes.CopyTo(disk, offset);
        File.WriteAllBytes(_folder["readme.txt"], disk);
        Assert.Equal("raw", Describe.Of(_folder["readme.txt"], rawFallback: RawFallback.Recognised).Format);
        disk[offset] ^= 0x20;
        File.WriteAllBytes(_folder["readme.txt"], disk);
        Fails.With(ErrorKind.ImageNotRecognized, () => Describe.Of(_folder["readme.txt"], rawFallback: RawFallback.Recognised));
    }

    [Theory]
    [InlineData("a.raw")]
    [InlineData("a.IMG")]
    [InlineData("a.dd")]
    [InlineData("a.bin")]
    [InlineData("a.iso")]
    [InlineData("a.ima")]
    [InlineData("a.vfd")]
    [InlineData("a-flat.vmdk")]
    public void A_raw_disk_is_recognised_by_its_name(string name)
    {
        File.WriteAllBytes(_folder[name], new byte[1024]);
        Assert.Equal("raw", Describe.Of(_folder[name], rawFallback: RawFallback.Recognised).Format);
    }

    [Theory]
    [InlineData("readme.txt")]
    [InlineData("vm.xml")]
    [InlineData("disk")]
    [InlineData("disk.001")]
    public void Any_other_file_is_a_raw_disk_only_where_that_is_said(string name)
    {
        File.WriteAllText(_folder[name], "<domain>\n" + new string(' ', 1000));
        string path = _folder[name];
        Action[] uses =
        [
            () => Describe.Of(path, rawFallback: RawFallback.Recognised),
            () => Assert.NotEmpty(DescribeImage.RunChain(new DescribeImageOptions { Path = path, RawFallback = RawFallback.Recognised }).ToArray()),
            () => ConvertImage.Run(new ConvertImageOptions { Path = path, DestinationPath = _folder["copy.qed"], RawFallback = RawFallback.Recognised }),
            () => CompareImages.Run(new CompareImagesOptions { Path = path, DifferencePath = path, RawFallback = RawFallback.Recognised }),
            () => Assert.NotEmpty(MapImage.Run(new MapImageOptions { Path = path, RawFallback = RawFallback.Recognised }).ToArray()),
            () => MeasureImage.Run(new MeasureImageOptions { Format = "qed", Path = path, RawFallback = RawFallback.Recognised }),
        ];
        foreach (Action use in uses)
        {
            DiskImageException error = Fails.With(ErrorKind.ImageNotRecognized, "neither the name nor the contents", use);
            Assert.Equal((RemedyKind.SayFormat, "raw"), (error.Remedy!.Kind, error.Remedy.Subject));
        }

        Assert.False(File.Exists(_folder["copy.qed"]));
        Assert.Equal("raw", Describe.Of(path).Format);
        Assert.Equal("raw", Describe.Of(path, "raw", RawFallback.Recognised).Format);
    }

    [Fact]
    public void A_backing_file_of_any_name_is_raw_as_its_overlay_has_it()
    {
        File.WriteAllBytes(_folder["base"], new byte[MiB]);
        TestImage.Create(_folder["top.qed"], MiB, backing: "base", backingFormat: "raw");
        Assert.Equal(2, DescribeImage.RunChain(new DescribeImageOptions { Path = _folder["top.qed"], RawFallback = RawFallback.Recognised }).Count());
    }

    private byte[] Image(string format)
    {
        string path = _folder["new." + format];
        using (Destination file = Destination.Begin(path, overwrite: false))
        {
            using (var writer = FormatRegistry.ByName(format).CreateWriter(file, new TargetOptions { Size = MiB }))
                writer.Complete();
            file.Finish(ProgressMeter.Silent, default);
            file.Commit();
        }

        return File.ReadAllBytes(path);
    }
}
