using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>
/// Whatever images a developer has: each is read as QEMU reads it, or refused with an error that names the rule. The variable
/// QED_SAMPLES names the folder, which is only read.
/// </summary>
public sealed class SampleFolderTests : IDisposable
{
    private const string Variable = "QED_SAMPLES";
    // A refusal takes milliseconds; the rest is for a runtime that has just started.
    private static readonly TimeSpan LongestRefusal = TimeSpan.FromSeconds(2);

    private readonly TempFolder _folder = new();

    public static TheoryData<string> Samples()
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(folder))
            return [""];
        return [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).DefaultIfEmpty("")];
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Samples))]
    public void Is_read_as_QEMU_reads_it_or_refused(string sample)
    {
        Assert.SkipWhen(sample.Length == 0, Variable + " names no folder with disk images");
        Qemu.Require();
        if (Describe(sample) is not { } description)
            return;
        try
        {
            ConvertImage.Run(new ConvertImageOptions { Path = sample, DestinationPath = _folder["ours.raw"], Format = "raw" });
        }
        catch (DiskImageException error)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("refused: " + error.Message);
            return;
        }

        CompareWithQemu(sample, description);
    }

    /// <summary>What a file is; null, with the reason in the output, where it is refused.</summary>
    private static ImageDescription? Describe(string sample)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            return DescribeImage.Run(sample);
        }
        catch (DiskImageException error)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("refused: " + error.Message);
            Assert.True(watch.Elapsed < LongestRefusal, $"refused only after {watch.Elapsed}");
            return null;
        }
    }

    private void CompareWithQemu(string sample, ImageDescription description)
    {
        Assert.SkipWhen(description is { Format: "vhd", BackingPath: not null }, "read by us; QEMU reads a differencing VHD without its parent");
        // Raw is what remains: there QEMU's own probe must come to the same.
        string[] format = description.Format == "raw" ? [] : ["-F", FormatRegistry.ByName(description.Format).QemuName];
        string theirs = WithLogReplayed(sample, description);
        Qemu.Result result = Qemu.Img(["compare", "-f", "raw", .. format, _folder["ours.raw"], theirs]);
        Assert.SkipWhen(result.ExitCode > 1, "read by us, not by QEMU: " + result.Error);
        Assert.True(result.ExitCode == 0 && !result.Output.Contains("mismatch", StringComparison.Ordinal), result.Output);
    }

    /// <summary>QEMU replays a VHDX log only into the file itself: a copy, then.</summary>
    private string WithLogReplayed(string sample, ImageDescription description)
    {
        if (description.Format != "vhdx" || Qemu.Img("info", "-f", "vhdx", sample).ExitCode == 0)
            return sample;
        File.Copy(sample, _folder["theirs.vhdx"]);
        Qemu.Img("check", "-r", "all", "-f", "vhdx", _folder["theirs.vhdx"]);
        return _folder["theirs.vhdx"];
    }
}
