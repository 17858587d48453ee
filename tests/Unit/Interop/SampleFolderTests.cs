using System;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>
/// Whatever images a developer has: each is read as QEMU reads it, or refused with an error that names the rule. The variable
/// QED_SAMPLES names the folder, which is only read. Without one, images of each format that are made here, whole and broken.
/// </summary>
public sealed class SampleFolderTests : IDisposable
{
    private const string Variable = "QED_SAMPLES";
    private const string Made = "made here: ";
    private const string Broken = " with a broken header";

    // Headers and tables of contents: of a VHDX the log as well, which has at most 32 MiB.
    private const long MostBytesToRefuse = 40 << 20;

    private readonly TempFolder _folder = new();

    public static TheoryData<string> Samples()
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        return string.IsNullOrEmpty(folder)
            ? [.. FormatRegistry.All.Select(format => Made + format.Name), .. FormatRegistry.All.Where(format => format.Name != "raw").Select(format => Made + format.Name + Broken)]
            : [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Samples))]
    public void Is_read_as_QEMU_reads_it_or_refused(string sample)
    {
        Qemu.Require();
        if (sample.StartsWith(Made, StringComparison.Ordinal))
        {
            bool isBroken = sample.EndsWith(Broken, StringComparison.Ordinal);
            string image = Make(sample[Made.Length..].Replace(Broken, string.Empty, StringComparison.Ordinal), isBroken);
            Assert.Equal(isBroken, !IsRead(image));
        }
        else
        {
            IsRead(sample);
        }
    }

    /// <summary>Reads a sample and compares it, or makes sure that the refusal is a good one.</summary>
    private bool IsRead(string sample)
    {
        try
        {
            ImageDescription? description = null;
            DiskImageException? refusal = null;
            long read = ThreadReads.During(() => description = Describe(sample, out refusal));
            if (refusal is not null)
            {
                Assert.InRange(read, 0, MostBytesToRefuse);
                throw refusal;
            }

            ConvertImage.Run(new ConvertImageOptions { Path = sample, DestinationPath = _folder["ours.raw"], Format = "raw" });
            CompareWithQemu(sample, description!);
            return true;
        }
        catch (DiskImageException error)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("refused: " + error.Message);
            AssertNamesTheRule(error, sample);
            return false;
        }
    }

    private static ImageDescription? Describe(string sample, out DiskImageException? refusal)
    {
        refusal = null;
        try
        {
            return Support.Describe.Of(sample);
        }
        catch (DiskImageException error)
        {
            refusal = error;
            return null;
        }
    }

    /// <summary>An error of the image, which says where and what: anything else is one of ours, or of the host.</summary>
    private static void AssertNamesTheRule(DiskImageException error, string sample)
    {
        Assert.NotNull(error.Path);
        Assert.Equal(Path.GetDirectoryName(sample), Path.GetDirectoryName(error.Path));
        switch (error.Kind)
        {
            case ErrorKind.ImageCorrupt:
                Assert.True(error.Structure is not null, "what is corrupt? " + error.Message);
                break;
            case ErrorKind.UnsupportedFeature or ErrorKind.ImageNotRecognized:
                Assert.True(error.Structure is not null || error.Remedy is not null, "which feature, and what helps? " + error.Message);
                break;
            default:
                Assert.Contains(error.Kind, new[] { ErrorKind.BackingFileMissing, ErrorKind.BackingFileRefused, ErrorKind.BackingChainLoop });
                break;
        }
    }

    private string Make(string format, bool isBroken)
    {
        string path = _folder["sample." + FormatRegistry.ByName(format).Extensions[0].TrimStart('.')];
        File.WriteAllBytes(_folder["source.bin"], Patterns.Random(2 << 20, 1));
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["source.bin"], SourceFormat = "raw", DestinationPath = path, Format = format });
        if (!isBroken)
            return path;
        // Every copy of a header lies in the first 256 KiB, or in the last sector.
        byte[] bytes = File.ReadAllBytes(path);
        for (int at = 16; at < Math.Min(bytes.Length, 256 << 10); at += 512)
            bytes.AsSpan(at, 64).Fill(0xa5);
        bytes.AsSpan(bytes.Length - 496, 64).Fill(0xa5);
        File.WriteAllBytes(path, bytes);
        return path;
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
