using System;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>How large a disk's sectors are is a part of what its guest sees: kept, chosen, or said to be lost.</summary>
public sealed class SectorSizeTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = new byte[9 * MiB];

    public SectorSizeTests()
    {
        Patterns.Random(3 * MiB, 1).CopyTo(_disk, MiB);
        Patterns.Random(4096, 2).CopyTo(_disk, _disk.Length - 4096);
        File.WriteAllBytes(_folder["disk.raw"], _disk);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Are_those_of_Hyper_V_where_nothing_is_said()
    {
        Assert.Equal((512, 4096), SizesOf(Convert("disk.raw", "a.vhdx")));
        Assert.Equal((512, 4096), SizesOf(CreateImage.Run(new CreateImageOptions { Path = _folder["new.vhdx"], Format = "vhdx", Size = MiB })));
        Assert.Equal((null, null), SizesOf(Convert("disk.raw", "a.qed")));
    }

    [Theory]
    [InlineData(4096, 4096)]
    [InlineData(512, 512)]
    [InlineData(4096, 512)]
    [InlineData(512, 4096)]
    public void Are_kept_from_VHDX_to_VHDX_with_all_data(int logical, int physical)
    {
        Assert.Equal((logical, physical), SizesOf(Convert("disk.raw", "a.vhdx", logical, physical)));
        var warnings = new LoggedWarnings();
        ImageDescription copy = ConvertImage.Run(
            new ConvertImageOptions { Path = _folder["a.vhdx"], DestinationPath = _folder["b.vhdx"], Subformat = Subformat.Fixed, Verify = true }, logger: warnings.Logger).Target;
        Assert.Equal((logical, physical), SizesOf(copy));
        Assert.Empty(warnings.Messages);
        Assert.Equal(_disk, TestImage.ReadAll(_folder["b.vhdx"]));
        MeasureImageOptions measure = new() { Path = _folder["a.vhdx"], Subformat = Subformat.Fixed };
        Assert.Equal(copy.FileSize, MeasureImage.Run(measure with { Format = "vhdx" }).FileSize);
    }

    [Fact]
    public void Of_4096_bytes_are_read_by_an_independent_reader()
    {
        Libvhdi.Require();
        Convert("disk.raw", "a.vhdx", 4096, 4096);
        Assert.Equal(_disk, Libvhdi.ReadAll(_folder, _folder["a.vhdx"]));
    }

    [Theory]
    [InlineData("qcow2")]
    [InlineData("raw")]
    [InlineData("vmdk")]
    public void Are_said_to_be_lost_where_the_target_cannot_say_them(string format)
    {
        Convert("disk.raw", "a.vhdx", 4096, 4096);
        var warnings = new LoggedWarnings();
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.vhdx"], DestinationPath = _folder["b"], Format = format }, logger: warnings.Logger);
        string warning = Assert.Single(warnings.Messages);
        Assert.Contains("4096-byte sectors", warning, StringComparison.Ordinal);
        Assert.Contains(_folder["a.vhdx"], warning, StringComparison.Ordinal);
        Assert.Contains(FormatRegistry.ByName(format).DisplayName, warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_another_size_than_the_source_has_are_the_users_word_and_no_warning()
    {
        Convert("disk.raw", "a.vhdx", 4096, 4096);
        var warnings = new LoggedWarnings();
        ConvertImageOptions options = new() { Path = _folder["a.vhdx"], DestinationPath = _folder["b.vhdx"], LogicalSectorSize = 512 };
        Assert.Equal((512, 4096), SizesOf(ConvertImage.Run(options, logger: warnings.Logger).Target));
        Assert.Empty(warnings.Messages);
    }

    [Fact]
    public void A_disk_of_an_odd_number_of_small_sectors_is_padded_to_large_ones()
    {
        File.WriteAllBytes(_folder["odd.raw"], _disk.AsSpan(0, (2 * MiB) + 512).ToArray());
        var warnings = new LoggedWarnings();
        ImageDescription image = ConvertImage.Run(
            new ConvertImageOptions { Path = _folder["odd.raw"], DestinationPath = _folder["odd.vhdx"], LogicalSectorSize = 4096 }, logger: warnings.Logger).Target;
        Assert.Equal((2 * MiB) + 4096, image.Size);
        Assert.Contains("no multiple of 4096", Assert.Single(warnings.Messages), StringComparison.Ordinal);
        Assert.Equal([.. _disk.Take((2 * MiB) + 512), .. new byte[3584]], TestImage.ReadAll(_folder["odd.vhdx"]));
    }

    [Fact]
    public void Of_a_difference_are_those_of_its_parent()
    {
        Convert("disk.raw", "base.vhdx", 4096, 512);
        ImageDescription child = CreateImage.Run(new CreateImageOptions { Path = _folder["child.vhdx"], Format = "vhdx", BackingPath = "base.vhdx" });
        Assert.Equal((4096, 512), SizesOf(child));
        DiskImageException error = Fails.With(ErrorKind.InvalidGeometry, "its parent", () => CreateImage.Run(
            new CreateImageOptions { Path = _folder["other.vhdx"], Format = "vhdx", BackingPath = "base.vhdx", LogicalSectorSize = 512 }));
        Assert.Contains("4096", error.Remedy!.Say(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1024, 512)]
    [InlineData(0, 512)]
    [InlineData(3000, 4096)]
    [InlineData(int.MaxValue, 4096)]
    public void Of_any_other_size_are_refused_with_the_nearest(int size, int nearest)
    {
        DiskImageException error = Fails.With(ErrorKind.InvalidGeometry, "logical sector size", () => Convert("disk.raw", "a.vhdx", size, 4096));
        Assert.Contains($"{nearest}", error.Remedy!.Say(), StringComparison.Ordinal);
        Fails.With(ErrorKind.InvalidGeometry, "physical sector size", () => Convert("disk.raw", "a.vhdx", 512, size));
        Assert.False(File.Exists(_folder["a.vhdx"]));
    }

    [Fact]
    public void Cannot_be_chosen_where_the_format_has_none()
        => Fails.With(ErrorKind.UnsupportedFeature, "sectors whose size", () => Convert("disk.raw", "a.qcow2", 4096, null));

    private static (int? Logical, int? Physical) SizesOf(ImageDescription image) => (image.LogicalSectorSize, image.PhysicalSectorSize);

    private ImageDescription Convert(string source, string target, int? logical = null, int? physical = null) => ConvertImage.Run(new ConvertImageOptions
    {
        Path = _folder[source],
        DestinationPath = _folder[target],
        LogicalSectorSize = logical,
        PhysicalSectorSize = physical,
        Verify = true,
    }).Target;
}
