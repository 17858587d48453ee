using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A conversion reads its source only, never replaces what it must not, and leaves a whole target or none.</summary>
public sealed class ConvertTargetTests : IDisposable
{
    private const int Size = 3 << 20;

    private readonly TempFolder _folder = new();
    private readonly byte[] _data = Patterns.Random(Size, 5);

    public ConvertTargetTests() => File.WriteAllBytes(Source, _data);

    private string Source => _folder["source.raw"];

    private string Target => _folder["target.qed"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_existing_target_is_kept_without_Force_and_replaced_with_it()
    {
        File.WriteAllText(Target, "precious");
        Fingerprint before = Fingerprint.Of(Target);
        Fails.With(ErrorKind.ImageExists, "allow the file to be replaced", () => Convert());
        before.AssertUntouched();
        AssertOnly("source.raw", "target.qed");
        Convert(options => options with { Force = true });
        Assert.Equal(_data, TestImage.ReadAll(Target));
        AssertOnly("source.raw", "target.qed");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_source_is_never_the_target_under_any_name(bool deleteSource)
    {
        Link.Hard(_folder["hard.qed"], Source);
        Link.Symbolic(_folder["symbolic.qed"], "source.raw");
        Fingerprint before = Fingerprint.Of(Source);
        foreach (string name in new[] { "source.raw", "hard.qed", "symbolic.qed" })
        {
            Fails.With(ErrorKind.ImageExists, "same file", () =>
                Convert(options => options with { DestinationPath = _folder[name], Format = "qed", Force = true, DeleteSource = deleteSource }));
        }

        before.AssertUntouched();
        AssertOnly("hard.qed", "source.raw", "symbolic.qed");
    }

    [Fact]
    public void A_backing_file_of_the_source_is_never_the_target()
    {
        Convert(options => options with { DestinationPath = _folder["middle.qed"], BackingPath = "source.raw", BackingFormat = "raw" });
        TestImage.Create(_folder["top.qed"], Size, backing: "middle.qed");
        Fingerprint root = Fingerprint.Of(Source);
        Fingerprint middle = Fingerprint.Of(_folder["middle.qed"]);
        foreach (string name in new[] { "middle.qed", "source.raw" })
        {
            Fails.With(ErrorKind.ImageExists, "backing file of", () => ConvertImage.Run(new ConvertImageOptions
            {
                Path = _folder["top.qed"],
                DestinationPath = _folder[name],
                Force = true,
            }));
        }

        root.AssertUntouched();
        middle.AssertUntouched();
    }

    [Fact]
    public void A_target_does_not_rest_on_itself()
    {
        Convert();
        Fingerprint before = Fingerprint.Of(Target);
        Fails.With(ErrorKind.BackingChainLoop, () => Convert(options => options with { BackingPath = "target.qed", Force = true }));
        before.AssertUntouched();
    }

    [Fact]
    public void Cancelling_leaves_nothing_of_the_target()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => Convert(cancellation: new CancellationToken(true)));
        AssertOnly("source.raw");

        // All data is copied by now, and the target lacks only its name.
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Convert(
            options => options with { DeleteSource = true },
            onCopied: cancel.Cancel,
            cancellation: cancel.Token));
        AssertOnly("source.raw");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Verifying_finds_a_byte_that_differs_discards_the_target_and_keeps_the_source(bool deleteSource)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets nobody change a file that is being read");
        DiskImageException error = Fails.With(ErrorKind.ImageCorrupt, "at guest offset 1234432", () => Convert(
            options => options with { Verify = true, DeleteSource = deleteSource },
            onCopied: () => Plant(1_234_567)));
        Assert.Equal(Target, error.Path);
        AssertOnly("source.raw");
    }

    [Fact]
    public void The_source_is_deleted_only_after_success()
    {
        File.WriteAllText(_folder["blocked.qed"], "precious");
        Fails.With(ErrorKind.ImageExists, () => Convert(options => options with { DestinationPath = _folder["blocked.qed"], DeleteSource = true }));
        Fails.With(ErrorKind.InvalidGeometry, () => Convert(options => options with { ClusterSize = 5000, DeleteSource = true }));
        Fails.With(ErrorKind.ImageNotFound, () => Convert(options => options with { DestinationPath = Path.Combine(_folder["missing"], "a.qed"), DeleteSource = true }));
        AssertOnly("blocked.qed", "source.raw");
        Convert(options => options with { DeleteSource = true });
        AssertOnly("blocked.qed", "target.qed");
        Assert.Equal(_data, TestImage.ReadAll(Target));
    }

    [Fact]
    public void A_source_that_the_target_rests_on_is_not_deleted()
    {
        Fingerprint before = Fingerprint.Of(Source);
        Fails.With(ErrorKind.BackingFileRefused, "rest on it", () => Convert(options => options with { BackingPath = "source.raw", DeleteSource = true }));
        before.AssertUntouched();
        AssertOnly("source.raw");
    }

    [Fact]
    public void A_target_whose_name_says_no_format_needs_one()
    {
        Fails.With(ErrorKind.UnsupportedFeature, "Give the format", () => Convert(options => options with { DestinationPath = _folder["target"] }));
        Convert(options => options with { DestinationPath = _folder["target"], Format = "QED" });
        Assert.Equal("qed", Describe.Of(_folder["target"]).Format);
    }

    private void Plant(int offset)
    {
        using FileStream file = new(Source, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = offset;
        file.WriteByte((byte)~_data[offset]);
    }

    private void Convert(Func<ConvertImageOptions, ConvertImageOptions>? change = null, Action? onCopied = null, CancellationToken cancellation = default)
    {
        var options = new ConvertImageOptions { Path = Source, DestinationPath = Target };
        var logger = new CallbackLogger((_, message) =>
        {
            if (message.StartsWith("Copied ", StringComparison.Ordinal))
                onCopied?.Invoke();
        });
        ConvertImage.Run(change is null ? options : change(options), logger: logger, cancellation: cancellation);
    }

    private void AssertOnly(params string[] names)
        => Assert.Equal(names, Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
}
