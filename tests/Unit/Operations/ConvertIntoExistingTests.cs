using System;
using System.IO;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>
/// Contents that go into an image which exists are all there afterwards, zeroes too, and the image is still the one that it
/// was: its file, its layout, its backing file, and what lies behind the end of what was written.
/// </summary>
public sealed class ConvertIntoExistingTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Cluster = 65536;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = Disk();

    public ConvertIntoExistingTests() => File.WriteAllBytes(_folder["source.raw"], _disk);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_QED_image_gets_all_of_it_whatever_it_held_before()
    {
        SparseFile.RequireHoles();
        TestImage.Create(_folder["target.qed"], 6 * MiB, clusterSize: 4096, tableSize: 2);
        TestImage.Write(_folder["target.qed"], 0, Patterns.Filled(6 * MiB, 7));
        FileIdentity? before = FileIdentity.Of(_folder["target.qed"]);
        ImageDescription target = Convert("target.qed", "qed").Target;
        Assert.Equal((6L * MiB, 4096L, 2), (target.Size, target.ClusterSize, target.TableSize));
        Assert.Equal(before, FileIdentity.Of(_folder["target.qed"]));
        AssertHolds("target.qed", behind: 7);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = _folder["target.qed"] });
        Assert.True(check.IsClean);
        if (Qemu.IsInstalled)
            Qemu.AssertSound(_folder["target.qed"], check.FreeClusters);
    }

    [Fact]
    public void An_overlay_hides_what_its_backing_file_holds_where_the_source_is_zero()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(6 * MiB, 9));
        TestImage.Create(_folder["target.qed"], 6 * MiB, backing: "base.raw", backingFormat: "raw");
        TestImage.Write(_folder["target.qed"], 100, Patterns.Filled(1000, 8));
        ImageDescription target = Convert("target.qed", "qed").Target;
        Assert.Equal("base.raw", target.BackingPath);
        AssertHolds("target.qed", behind: 9);
        Assert.Equal(Patterns.Filled(6 * MiB, 9), File.ReadAllBytes(_folder["base.raw"]));
    }

    [Fact]
    public void Zeroes_are_not_written_where_the_user_knows_that_they_are_there()
    {
        TestImage.Create(_folder["target.qed"], 6 * MiB);
        TestImage.Write(_folder["target.qed"], 2 * MiB, Patterns.Filled(Cluster, 7));
        Convert("target.qed", "qed", options => options with { TargetIsZero = true, Verify = false });
        // It was not true, and shows.
        byte[] expected = new byte[6 * MiB];
        _disk.CopyTo(expected, 0);
        expected.AsSpan(2 * MiB, Cluster).Fill(7);
        Assert.Equal(expected, TestImage.ReadAll(_folder["target.qed"]));
        Fails.With(ErrorKind.ImageCorrupt, "reads differently", () => Convert("target.qed", "qed", options => options with { TargetIsZero = true }));
    }

    [Fact]
    public void A_raw_file_is_written_where_it_lies()
    {
        File.WriteAllBytes(_folder["target.raw"], Patterns.Filled(6 * MiB, 7));
        Link.Symbolic(_folder["link.raw"], _folder["target.raw"]);
        FileIdentity? before = FileIdentity.Of(_folder["target.raw"]);
        Convert("link.raw", "raw");
        Assert.Equal(before, FileIdentity.Of(_folder["target.raw"]));
        AssertHolds("target.raw", behind: 7);
    }

    [Fact]
    public void A_block_device_is_written_where_it_lies()
    {
        using var device = new LoopDevice(6 * MiB, filler: 7);
        Convert(device.Path, "raw");
        device.AssertIsDevice();
        Assert.Equal(Expected(behind: 7), device.Bytes());
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qed")]
    public void One_that_is_too_small_is_refused_untouched(string format)
    {
        string name = "target." + format;
        if (format == "raw")
            File.WriteAllBytes(_folder[name], Patterns.Filled(MiB, 7));
        else
            TestImage.Create(_folder[name], MiB);
        Fingerprint before = Fingerprint.Of(_folder[name]);
        Fails.With(ErrorKind.InvalidSize, "output file is smaller than input file", () => Convert(name, format));
        before.AssertUntouched();
    }

    [Theory]
    [InlineData("raw", ErrorKind.ImageNotFound)]
    [InlineData("qed", ErrorKind.ImageNotFound)]
    public void None_is_created(string format, ErrorKind kind)
    {
        Fails.With(kind, () => Convert("none." + format, format));
        Assert.False(File.Exists(_folder["none." + format]));
    }

    [Fact]
    public void One_of_another_format_is_refused_untouched()
    {
        File.WriteAllBytes(_folder["target.raw"], Patterns.Filled(6 * MiB, 7));
        Fingerprint before = Fingerprint.Of(_folder["target.raw"]);
        Fails.With(ErrorKind.UnsupportedFeature, "QED", () => Convert("target.raw", "qed"));
        before.AssertUntouched();
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["source.raw"], DestinationPath = _folder["target.qcow2"] });
        before = Fingerprint.Of(_folder["target.qcow2"]);
        Fails.With(ErrorKind.UnsupportedFeature, "raw or a QED image", () => Convert("target.qcow2", "qcow2"));
        before.AssertUntouched();
    }

    [Fact]
    public void What_only_a_new_image_can_be_told_is_refused()
    {
        TestImage.Create(_folder["target.qed"], 6 * MiB);
        foreach (Func<ConvertImageOptions, ConvertImageOptions> with in new Func<ConvertImageOptions, ConvertImageOptions>[]
        {
            options => options with { ClusterSize = 4096 },
            options => options with { TableSize = 2 },
            options => options with { BackingPath = "source.raw" },
            options => options with { Compress = true },
        })
        {
            Fails.With(ErrorKind.UnsupportedFeature, "stays what it is", () => Convert("target.qed", "qed", with));
        }
    }

    [Fact]
    public void The_source_itself_is_refused()
        => Fails.With(ErrorKind.ImageExists, "same file", () => Convert("source.raw", "raw"));

    private ConvertResult Convert(string target, string format, Func<ConvertImageOptions, ConvertImageOptions>? with = null)
    {
        var options = new ConvertImageOptions
        {
            Path = _folder["source.raw"],
            SourceFormat = "raw",
            DestinationPath = Path.Combine(_folder.Path, target),
            Format = format,
            IntoExisting = true,
            Verify = true,
        };
        return ConvertImage.Run(with is null ? options : with(options));
    }

    private void AssertHolds(string name, byte behind) => Assert.Equal(Expected(behind), TestImage.ReadAll(_folder[name]));

    private byte[] Expected(byte behind)
    {
        byte[] expected = Patterns.Filled(6 * MiB, behind);
        _disk.CopyTo(expected, 0);
        return expected;
    }

    /// <summary>Data and zeroes, large and small, aligned and not, and an end within a cluster.</summary>
    private static byte[] Disk()
    {
        byte[] disk = new byte[(4 * MiB) + 1024];
        Patterns.Random(MiB, 1).CopyTo(disk, 0);
        Patterns.Random(5000, 2).CopyTo(disk, MiB + (3 * Cluster) + 700);
        Patterns.Random(512, 3).CopyTo(disk, 3 * MiB);
        Patterns.Random(512, 4).CopyTo(disk, disk.Length - 512);
        return disk;
    }
}
