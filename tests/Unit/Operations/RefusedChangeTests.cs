using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A change that is refused leaves every byte of the image as it was; work that was cut short is heard of.</summary>
public sealed class RefusedChangeTests : IDisposable
{
    private const int Size = 4 << 20;
    private const int Cluster = 65536;
    private const int Features = 16;
    private const int CompatibleFeatures = 24;
    private const int AutoclearFeatures = 32;
    private const int L1Offset = 40;

    private readonly TempFolder _folder = new();
    private readonly List<string> _warnings = [];

    public RefusedChangeTests()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Random(Size, 1));
        File.WriteAllBytes(_folder["other.raw"], Patterns.Random(Size, 2));
        TestImage.Create(ImagePath, Size, Cluster, 4, "base.raw", "raw");
        TestImage.Write(ImagePath, 3 * Cluster, Patterns.Filled(Cluster, 7));
    }

    private string ImagePath => _folder["image.qed"];

    private ILogger Logger => new CallbackLogger((level, message) =>
    {
        if (level == DiagnosticLevel.Warning)
            _warnings.Add(message);
    });

    public static TheoryData<string> Changes() => ["grow", "shrink", "minimum", "rebase", "none"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Changes))]
    public void Nothing_is_written_into_an_image_that_a_check_finds_corrupt(string change)
    {
        byte[] image = File.ReadAllBytes(ImagePath);
        ulong table = image.UInt64At((int)image.UInt64At(L1Offset));
        // An entry that takes the table that it stands in for data: the guest's next write would change the table.
        File.WriteAllBytes(ImagePath, image.With((int)table + (5 * 8), table).With(AutoclearFeatures, 1UL << 9));
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.ImageCorrupt, "a check finds 1 corruptions", () => Change(change));
        before.AssertUntouched();
    }

    [Fact]
    public void The_same_holds_for_an_image_whose_backing_file_must_not_change()
    {
        File.WriteAllBytes(ImagePath, File.ReadAllBytes(ImagePath).With(AutoclearFeatures, 1UL << 9).With(CompatibleFeatures, 1UL));
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.UnsupportedFeature, () => Change("rebase"));
        Fails.With(ErrorKind.UnsupportedFeature, () => Change("none"));
        before.AssertUntouched();
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void And_for_one_that_was_not_closed_cleanly_and_whose_backing_file_is_gone(string change)
    {
        File.WriteAllBytes(ImagePath, [.. File.ReadAllBytes(ImagePath).With(AutoclearFeatures, 1UL << 9).With(Features, 7UL), .. new byte[Cluster + 1]]);
        File.Delete(_folder["base.raw"]);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.BackingFileMissing, () => Change(change));
        before.AssertUntouched();
    }

    [Fact]
    public void And_for_a_shrink_without_consent_and_a_size_or_a_backing_file_that_cannot_be()
    {
        File.WriteAllBytes(ImagePath, File.ReadAllBytes(ImagePath).With(AutoclearFeatures, 1UL << 9).With(Features, 7UL));
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.InvalidSize, () => ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = Size / 2 }));
        Fails.With(ErrorKind.InvalidSize, () => ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = Size + 1 }));
        Fails.With(ErrorKind.BackingFileMissing, () => SetBackingFile.Run(new SetBackingFileOptions { Path = ImagePath, BackingPath = "gone.raw" }));
        before.AssertUntouched();
    }

    [Fact]
    public void A_shrink_that_was_cut_short_gives_the_space_back_when_it_is_run_again()
    {
        long length = new FileInfo(ImagePath).Length;
        CutShort();
        ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = Size }, logger: Logger);
        Assert.Equal(length, new FileInfo(ImagePath).Length);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.True(check.IsClean && !check.NeedsCheck);
    }

    [Theory]
    [InlineData("rebase")]
    [InlineData("none")]
    public void So_does_a_change_of_the_backing_file(string change)
    {
        byte[] disk = TestImage.ReadAll(ImagePath);
        CutShort();
        Change(change);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.True(check.IsClean && !check.NeedsCheck);
        Assert.Equal(disk, TestImage.ReadAll(ImagePath));
    }

    [Fact]
    public void Whoever_opens_an_image_with_space_lost_by_work_that_was_cut_short_is_told_how_much()
    {
        CutShort();
        OpenImage.ForWriting(ImagePath, Logger).Dispose();
        Assert.Contains(_warnings, warning => warning.Contains("Nothing references 3 clusters", StringComparison.Ordinal));
    }

    private void CutShort()
        => File.WriteAllBytes(ImagePath, [.. File.ReadAllBytes(ImagePath).With(Features, 7UL), .. Patterns.Filled(3 * Cluster, 5)]);

    private void Change(string change)
    {
        switch (change)
        {
            case "grow":
                ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = 2 * Size });
                break;
            case "shrink":
                ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = Size / 2, AllowShrink = true });
                break;
            case "minimum":
                ResizeImage.Run(new ResizeImageOptions { Path = ImagePath });
                break;
            default:
                SetBackingFile.Run(new SetBackingFileOptions { Path = ImagePath, BackingPath = change == "none" ? null : "other.raw", BackingFormat = change == "none" ? null : "raw" });
                break;
        }
    }
}
