using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Layout;

/// <summary>Bits that nobody has defined yet are treated as the specification says for their kind.</summary>
public sealed class FeatureBitTests : IDisposable
{
    private const int Compatible = 24;
    private const int Autoclear = 32;
    private const ulong Unknown = (1UL << 5) | (1UL << 40);

    private readonly TempFolder _folder = new();

    private string ImagePath => _folder["image.qed"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Unknown_compatible_bits_are_shown_and_kept_by_everything_that_writes()
    {
        Save(Compatible);
        Assert.Equal(["UnknownCompatible5", "UnknownCompatible40"], Describe.Of(ImagePath).Features);
        TestImage.Write(ImagePath, 5000, Patterns.Filled(3000, 7));
        ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = 2 << 20 });
        ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = 1 << 19, AllowShrink = true });
        Assert.Equal(Unknown, File.ReadAllBytes(ImagePath).UInt64At(Compatible));
        Assert.Equal(7, TestImage.ReadAll(ImagePath)[5000]);
    }

    [Theory]
    [InlineData("base.raw", false)]
    [InlineData("base.raw", true)]
    [InlineData(null, false)]
    [InlineData(null, true)]
    public void Unknown_compatible_bits_forbid_a_change_of_the_backing_file(string? backing, bool metadataOnly)
    {
        File.WriteAllBytes(_folder["base.raw"], new byte[512]);
        Save(Compatible);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.UnsupportedFeature, "unknown compatible features", () =>
            SetBackingFile.Run(new SetBackingFileOptions { Path = ImagePath, BackingPath = backing, MetadataOnly = metadataOnly }));
        before.AssertUntouched();
    }

    [Fact]
    public void Unknown_autoclear_bits_survive_reading_and_are_cleared_by_the_first_opening_for_writing()
    {
        Save(Autoclear);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Assert.Equal(["UnknownAutoclear5", "UnknownAutoclear40"], Describe.Of(ImagePath).Features);
        TestImage.ReadAll(ImagePath);
        CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        ConvertImage.Run(new ConvertImageOptions { Path = ImagePath, DestinationPath = _folder["out.raw"] });
        before.AssertUntouched();

        byte[] expected = File.ReadAllBytes(ImagePath).With(Autoclear, 0UL);
        OpenImage.ForWriting(ImagePath).Dispose();
        Assert.Equal(expected, File.ReadAllBytes(ImagePath));
        Fingerprint cleared = Fingerprint.Of(ImagePath);
        OpenImage.ForWriting(ImagePath).Dispose();
        cleared.AssertUntouched();
    }

    [Fact]
    public void NEED_CHECK_does_not_keep_an_image_from_being_read_and_reading_leaves_it_set()
    {
        File.WriteAllBytes(ImagePath, TestImage.Bytes(1 << 20, fill: image => image.Write(new Qed.Units.GuestOffset(0), new byte[] { 1 })).With(16, 2UL));
        Fingerprint before = Fingerprint.Of(ImagePath);
        Assert.True(Describe.Of(ImagePath).NeedsCheck);
        Assert.Equal(1, TestImage.ReadAll(ImagePath)[0]);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = ImagePath }).NeedsCheck);
        before.AssertUntouched();
        TestImage.Write(ImagePath, 1, [2]);
        Assert.False(Describe.Of(ImagePath).NeedsCheck);
    }

    private void Save(int field) => File.WriteAllBytes(ImagePath, TestImage.Bytes(1 << 20).With(field, Unknown));
}
