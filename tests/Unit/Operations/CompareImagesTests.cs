using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

public sealed class CompareImagesTests : IDisposable
{
    private const int Size = 4 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_cannot_be_read_is_equal_to_nothing_not_even_to_itself()
    {
        TestImage.Create(_folder["a.qed"], 1 << 20);
        TestImage.Write(_folder["a.qed"], 0, [1]);
        // The data that comes after the table is the end of the file.
        TestImage.Write(_folder["a.qed"], 1 << 19, Patterns.Filled(1 << 19, 3));
        byte[] whole = File.ReadAllBytes(_folder["a.qed"]);
        File.WriteAllBytes(_folder["a.qed"], whole[..^1]);
        Link.Symbolic(_folder["link.qed"], "a.qed");
        foreach (bool firstOnly in new[] { true, false })
        {
            foreach (string other in new[] { "a.qed", "link.qed" })
            {
                Fails.With(ErrorKind.ImageCorrupt, () => CompareImages.Run(
                    new CompareImagesOptions { Path = _folder["a.qed"], DifferencePath = _folder[other], FirstOnly = firstOnly }));
            }
        }
    }

    [Fact]
    public void An_image_equals_its_conversion()
    {
        Raw("a.raw", Patterns.Random(Size, 1));
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"] });
        CompareResult result = Compare("a.raw", "b.qed");
        Assert.True(result.IsEqual);
        Assert.Null(result.FirstDifference);
        Assert.Empty(result.Ranges);
        Assert.Equal((0, 0L), (result.RangeCount, result.DifferingBytes));
        Assert.Equal((_folder["a.raw"], _folder["b.qed"]), (result.Path, result.DifferencePath));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000)]
    [InlineData(Size - 1)]
    public void A_byte_that_differs_is_found_in_its_sector_as_qemu_img_finds_it(int offset)
    {
        Qemu.Require();
        byte[] bytes = Patterns.Random(Size, 1);
        Raw("a.raw", bytes);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"] });
        bytes[offset] ^= 0xff;
        TestImage.Write(_folder["b.qed"], offset, [bytes[offset]]);
        int sector = offset & -512;
        CompareResult result = Compare("a.raw", "b.qed");
        Assert.False(result.IsEqual);
        Assert.Equal(sector, result.FirstDifference);
        Assert.Equal([new(sector, 512)], result.Ranges);
        Assert.Equal(sector, Compare("a.raw", "b.qed", new() { Path = string.Empty, DifferencePath = string.Empty, FirstOnly = true }).FirstDifference);
        string theirs = Qemu.Img("compare", "-f", "raw", "-F", "qed", _folder["a.raw"], _folder["b.qed"]).Output;
        Assert.Contains(FormattableString.Invariant($"mismatch at offset {sector}!"), theirs, StringComparison.Ordinal);
    }

    [Fact]
    public void A_longer_disk_whose_rest_is_zeroes_is_equal_unless_sizes_matter()
    {
        Raw("short.raw", Patterns.Random(10_000, 1));
        byte[] bytes = new byte[1 << 20];
        Patterns.Random(10_000, 1).CopyTo(bytes, 0);
        Raw("long.raw", bytes);
        Assert.True(Compare("short.raw", "long.raw").IsEqual);
        Assert.True(Compare("long.raw", "short.raw").IsEqual);
        CompareResult strict = Compare("long.raw", "short.raw", new() { Path = string.Empty, DifferencePath = string.Empty, Strict = true });
        Assert.False(strict.IsEqual);
        Assert.Null(strict.FirstDifference);
        Assert.Equal((1L << 20, 10_000L), (strict.Size, strict.DifferenceSize));
    }

    [Fact]
    public void A_longer_disk_whose_rest_is_not_all_zeroes_differs_there()
    {
        Raw("short.raw", Patterns.Random(10_000, 1));
        byte[] bytes = new byte[1 << 20];
        Patterns.Random(10_000, 1).CopyTo(bytes, 0);
        bytes[600_000] = 1;
        Raw("long.raw", bytes);
        Assert.Equal([new(600_000 & -512, 512)], Compare("short.raw", "long.raw").Ranges);
    }

    [Fact]
    public void An_overlay_differs_from_its_backing_file_where_it_was_written()
    {
        Raw("base.raw", Patterns.Random(Size, 1));
        TestImage.Create(_folder["top.qed"], Size, backing: "base.raw", backingFormat: "raw");
        Assert.True(Compare("top.qed", "base.raw").IsEqual);
        TestImage.Write(_folder["top.qed"], 1 << 20, Patterns.Filled(1024, 0));
        Assert.Equal([new(1 << 20, 1024)], Compare("top.qed", "base.raw").Ranges);
    }

    [Fact]
    public void Each_missing_image_is_named()
    {
        Raw("a.raw", new byte[512]);
        Assert.Equal(_folder["none.raw"], Fails.With(ErrorKind.ImageNotFound, () => Compare("a.raw", "none.raw")).Path);
        Assert.Equal(_folder["none.raw"], Fails.With(ErrorKind.ImageNotFound, () => Compare("none.raw", "a.raw")).Path);
    }

    private void Raw(string name, byte[] bytes) => File.WriteAllBytes(_folder[name], bytes);

    private CompareResult Compare(string one, string other, CompareImagesOptions? options = null)
        => CompareImages.Run((options ?? new() { Path = string.Empty, DifferencePath = string.Empty }) with { Path = _folder[one], DifferencePath = _folder[other] });
}
