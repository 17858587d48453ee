using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>What a merge writes, and what becomes of the images.</summary>
public sealed class MergeImageTests : IDisposable
{
    private const int Cluster = 65536;
    private const int Size = 2 << 20;

    private readonly TempFolder _folder = new();

    private string Base => _folder["base.qed"];

    private string Top => _folder["top.qed"];

    public void Dispose() => _folder.Dispose();

    /// <summary>The scenario of QEMU's own test of its commit, with another tool for each step.</summary>
    [Fact]
    public void What_qemu_io_has_written_into_an_overlay_qemu_io_reads_from_its_backing_file()
    {
        Qemu.Require();
        long[] places = [0, 4L << 30];
        Qemu.ImgOk("create", "-q", "-f", "qed", Base, "6G");
        Qemu.IoOk(Base, "qed", places.SelectMany(place => Sectors("write -P 7", place).Append($"write -P 128 {place + Cluster} {Cluster}")));
        Qemu.ImgOk("create", "-q", "-f", "qed", "-F", "qed", "-b", "base.qed", Top);
        Qemu.IoOk(Top, "qed", places.SelectMany(place => Sectors("write -P 1", place + 512).Append($"write -P 129 {place + (2 * Cluster)} {Cluster}")));

        MergeResult result = Merge(Top);

        // Each cluster that was written to, and no more.
        Assert.Equal((4L * Cluster, 0L), (result.WrittenBytes, result.ZeroedBytes));
        Qemu.AssertSound(Top);
        Qemu.AssertSound(Base);
        string output = string.Empty;
        foreach (string image in new[] { Base, Top })
        {
            output += Qemu.IoOk(image, "qed", places.SelectMany(place => Sectors("read -P 7", place)
                .Concat(Sectors("read -P 1", place + 512))
                .Append($"read -P 128 {place + Cluster} {Cluster}")
                .Append($"read -P 129 {place + (2 * Cluster)} {Cluster}")
                .Append($"read -P 0 {place + (5 * Cluster)} {Cluster}")));
        }

        Assert.DoesNotContain("verification failed", output, StringComparison.Ordinal);
        Assert.Equal(5 * Cluster, new FileInfo(Top).Length);
    }

    [Theory]
    [InlineData("qed", Size / 2, Size)]
    [InlineData("raw", Size / 2, Size)]
    [InlineData("qed", Size / 2, (Size / 2) + 512)]
    [InlineData("raw", (Size / 2) + 100, (Size / 2) + 512)]
    public void A_smaller_base_grows_and_what_it_grows_by_is_zeroes_where_the_overlay_says_nothing(string format, int baseSize, int topSize)
    {
        string path = Make("base." + format, baseSize, 1);
        Overlay("top.qed", "base." + format, topSize);
        TestImage.Write(Top, topSize - 512, Patterns.Filled(512, 9));
        byte[] shown = TestImage.ReadAll(Top);
        MergeResult result = Merge(Top);
        Assert.Equal((baseSize, topSize, topSize), (result.Before.Size, result.After.Size, result.Size));
        Assert.Equal(shown, TestImage.ReadAll(path, format));
        Assert.Equal(shown, TestImage.ReadAll(Top));
    }

    [Theory]
    [InlineData("qed")]
    [InlineData("raw")]
    public void Of_a_larger_base_what_lies_behind_the_overlays_end_stays(string format)
    {
        string path = Make("base." + format, Size, 1);
        byte[] old = TestImage.ReadAll(path, format);
        Overlay("top.qed", "base." + format, (Size / 2) + 512);
        TestImage.Write(Top, Size / 2, Patterns.Filled(512, 9));
        Merge(Top);
        byte[] now = TestImage.ReadAll(path, format);
        Assert.Equal(Patterns.Filled(512, 9), now[(Size / 2)..((Size / 2) + 512)]);
        Assert.Equal(old[((Size / 2) + 512)..], now[((Size / 2) + 512)..]);
    }

    [Fact]
    public void Zeroes_free_what_the_base_has_there_without_reading_it()
    {
        SparseFile.RequireHoles();
        Make("base.qed", Size, 1);
        Overlay("top.qed", "base.qed", Size);
        using (var image = (QedImage)OpenImage.ForWriting(Top))
            image.WriteZeroes(new GuestOffset(Cluster), Size - (3 * Cluster));
        MergeResult result = Merge(Top);
        Assert.Equal((0L, Size - (3L * Cluster)), (result.WrittenBytes, result.ZeroedBytes));
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = Base });
        Assert.Equal((3, 0), (check.AllocatedClusters, check.LeakedClusters));
        Assert.Equal((Size / Cluster) - 3, check.FreeClusters);
        Assert.True(result.After.AllocatedSize < result.Before.AllocatedSize);
    }

    [Fact]
    public void Only_what_differs_is_written()
    {
        Make("base.qed", Size, 1);
        Overlay("top.qed", "base.qed", Size);
        byte[] same = TestImage.ReadAll(Base);
        same[5 * Cluster] ^= 1;
        TestImage.Write(Top, 0, same);
        MergeResult plan = MergeImage.Plan(new MergeImageOptions { Path = Top });
        Assert.True(plan.IsPlan);
        Assert.Equal((Cluster, 0L), (plan.WrittenBytes, plan.ZeroedBytes));
        MergeResult result = Merge(Top);
        Assert.Equal((Cluster, 0L), (result.WrittenBytes, result.ZeroedBytes));
        Assert.Equal(same, TestImage.ReadAll(Base));
    }

    [Fact]
    public void A_plan_changes_nothing()
    {
        Make("base.qed", Size / 2, 1);
        Overlay("top.qed", "base.qed", Size);
        TestImage.Write(Top, 100, Patterns.Random(300_000, 2));
        Fingerprint[] before = [Fingerprint.Of(Base), Fingerprint.Of(Top)];
        MergeResult plan = MergeImage.Plan(new MergeImageOptions { Path = Top, Overlay = MergedOverlay.Deleted });
        Assert.Equal((5L * Cluster, Size, Top), (plan.WrittenBytes, plan.Size, Assert.Single(plan.DeletedFiles)));
        Assert.All(before, file => file.AssertUntouched());
    }

    [Theory]
    [InlineData(MergedOverlay.Emptied)]
    [InlineData(MergedOverlay.Kept)]
    [InlineData(MergedOverlay.Deleted)]
    public void The_overlay_is_emptied_kept_or_deleted(MergedOverlay overlay)
    {
        Make("base.qed", Size, 1);
        Overlay("top.qed", "base.qed", Size);
        TestImage.Write(Top, 100, Patterns.Random(300_000, 2));
        byte[] shown = TestImage.ReadAll(Top);
        Fingerprint before = Fingerprint.Of(Top);
        MergeResult result = Merge(Top, options => options with { Overlay = overlay });
        Assert.Equal(overlay, result.Overlay);
        Assert.Equal(shown, TestImage.ReadAll(Base));
        Assert.Equal(overlay == MergedOverlay.Deleted ? [Top] : [], result.DeletedFiles);
        Assert.Equal(overlay != MergedOverlay.Deleted, File.Exists(Top));
        if (overlay == MergedOverlay.Kept)
            before.AssertUntouched();
        if (overlay != MergedOverlay.Deleted)
            Assert.Equal(shown, TestImage.ReadAll(Top));
    }

    [Fact]
    public void Several_links_go_into_the_lowest_at_once_and_are_deleted_together()
    {
        Make("base.raw", Size, 1);
        Overlay("one.qed", "base.raw", Size);
        Overlay("two.qed", "one.qed", Size + Cluster);
        Overlay("top.qed", "two.qed", Size);
        for (int i = 0; i < 3; i++)
            TestImage.Write(_folder[new[] { "one.qed", "two.qed", "top.qed" }[i]], i * 100_000, Patterns.Random(200_000, 10 + i));
        byte[] shown = TestImage.ReadAll(Top);
        MergeResult result = Merge(Top, options => options with { DestinationPath = _folder["base.raw"], Overlay = MergedOverlay.Deleted });
        Assert.Equal(["base.raw"], Directory.GetFiles(_folder.Path).Select(file => Path.GetFileName(file)!));
        Assert.Equal(["top.qed", "two.qed", "one.qed"], result.DeletedFiles.Select(file => Path.GetFileName(file)!));
        Assert.Equal(shown, File.ReadAllBytes(_folder["base.raw"]));
    }

    [Fact]
    public void A_relative_destination_is_found_beside_the_overlay_and_by_any_of_its_names()
    {
        Make("base.qed", Size, 1);
        Overlay("top.qed", "base.qed", Size);
        TestImage.Write(Top, 100, Patterns.Random(300_000, 2));
        byte[] shown = TestImage.ReadAll(Top);
        Link.Symbolic(_folder["link.qed"], Base);
        Merge(Top, options => options with { DestinationPath = "link.qed", Overlay = MergedOverlay.Kept });
        Assert.Equal(shown, TestImage.ReadAll(Base));
    }

    [Fact]
    public void An_overlay_of_another_format_is_merged_and_kept_or_deleted()
    {
        Qemu.Require();
        Make("base.raw", Size, 1);
        string top = _folder["top.qcow2"];
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", top);
        Qemu.IoOk(top, "qcow2", ["write -P 3 70000 200000", "write -z 1M 128k"]);
        byte[] shown = TestImage.ReadAll(top);
        DiskImageException error = Fails.With(ErrorKind.UnsupportedFeature, "only a QED image is emptied", () => Merge(top));
        Assert.Equal(RemedyKind.KeepOrDeleteMerged, error.Remedy!.Kind);
        Fingerprint before = Fingerprint.Of(top);
        Merge(top, options => options with { Overlay = MergedOverlay.Kept });
        before.AssertUntouched();
        Assert.Equal(shown, File.ReadAllBytes(_folder["base.raw"]));
        Merge(top, options => options with { Overlay = MergedOverlay.Deleted });
        Assert.False(File.Exists(top));
        Assert.Equal(shown, File.ReadAllBytes(_folder["base.raw"]));
    }

    [Fact]
    public void A_full_disk_leaves_the_overlay_as_it_was_and_with_space_the_merge_is_finished()
    {
        using var disk = new SmallDisk();
        string path = TestImage.Create(disk["base.qed"], 4 << 20);
        string top = TestImage.Create(_folder["top.qed"], 4 << 20, backing: path, backingFormat: "qed");
        byte[] data = Patterns.Random(1_500_000, 3);
        TestImage.Write(top, 12_345, data);
        disk.Fill(free: 700_000);
        byte[] shown = TestImage.ReadAll(top);
        Fingerprint before = Fingerprint.Of(top);
        Fails.With(ErrorKind.NotEnoughSpace, () => Merge(top));
        before.AssertUntouched();
        Assert.Equal(shown, TestImage.ReadAll(top));
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = path }).Corruptions);
        disk.FreeSpace();
        Merge(top);
        Assert.Equal(shown, TestImage.ReadAll(path));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = path }).IsClean);
    }

    [Fact]
    public void Wherever_it_is_cancelled_the_overlay_reads_as_before_and_another_merge_finishes()
    {
        byte[] old = TestImage.ReadAll(Make("base.qed", 24 << 20, 1));
        Overlay("top.qed", "base.qed", 24 << 20);
        TestImage.Write(Top, 0, Patterns.Random(20 << 20, 2));
        byte[] shown = TestImage.ReadAll(Top);
        using var cancellation = new CancellationTokenSource();
        // So slow that it is under way for certain.
        var options = new MergeImageOptions { Path = Top, MaximumBytesPerSecond = 4 << 20 };
        cancellation.CancelAfter(1200);
        Assert.ThrowsAny<OperationCanceledException>(() => MergeImage.Run(options, cancellation: cancellation.Token));
        Assert.Equal(shown, TestImage.ReadAll(Top));
        byte[] half = TestImage.ReadAll(Base);
        Assert.NotEqual(old, half);
        Assert.NotEqual(shown, half);
        Merge(Top);
        Assert.Equal(shown, TestImage.ReadAll(Base));
        Assert.Equal(shown, TestImage.ReadAll(Top));
    }

    [Fact]
    public void A_raw_block_device_that_is_large_enough_is_merged_into_and_a_smaller_one_is_refused()
    {
        using var device = new LoopDevice(Size);
        TestImage.Create(Top, Size, backing: device.Path, backingFormat: "raw");
        TestImage.Write(Top, 100, Patterns.Random(300_000, 2));
        byte[] shown = TestImage.ReadAll(Top);
        Merge(Top);
        Assert.Equal(shown, device.Bytes());
        device.AssertIsDevice();

        TestImage.Create(Top + "2", Size + Cluster, backing: device.Path, backingFormat: "raw");
        TestImage.Write(Top + "2", 100, Patterns.Random(300_000, 3));
        File.Delete(Top);
        Fails.With(ErrorKind.NotEnoughSpace, $"{Size}", () => Merge(Top + "2"));
        Assert.Equal(shown, device.Bytes());
    }

    private static IEnumerable<string> Sectors(string command, long start) => Enumerable.Range(0, 64).Select(i => $"{command} {start + (i * 1024)} 512");

    private static MergeResult Merge(string path, Func<MergeImageOptions, MergeImageOptions>? with = null)
    {
        var options = new MergeImageOptions { Path = path };
        return MergeImage.Run(with is null ? options : with(options));
    }

    /// <summary>An image full of random bytes, raw or QED.</summary>
    private string Make(string name, int size, int seed)
    {
        string path = _folder[name];
        byte[] content = Patterns.Random(size, seed);
        if (Path.GetExtension(name) == ".raw")
        {
            File.WriteAllBytes(path, content);
            return path;
        }

        TestImage.Create(path, size, Cluster);
        TestImage.Write(path, 0, content);
        return path;
    }

    private void Overlay(string name, string backing, int size)
        => TestImage.Create(_folder[name], size, Cluster, backing: backing, backingFormat: Path.GetExtension(backing)[1..]);
}
