using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>
/// A crash at any change of a merge, with unflushed changes lost, early, reordered or torn, leaves an overlay that reads as
/// before, sound images, and what lies behind the overlay's end; and the merge can be finished.
/// </summary>
public sealed class MergeCrashTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TempFolder _again = new();

    public void Dispose()
    {
        _folder.Dispose();
        _again.Dispose();
    }

    [Theory]
    [InlineData(2, false, 0, 81)]
    [InlineData(2, false, 0, 82)]
    [InlineData(2, true, 0, 83)]
    [InlineData(2, true, 0, 84)]
    [InlineData(3, false, 1, 85)]
    [InlineData(3, true, 1, 86)]
    [InlineData(3, true, 1, 87)]
    [InlineData(3, false, 0, 88)]
    [InlineData(4, true, 0, 89)]
    public void The_overlay_reads_as_before_and_the_merge_can_be_finished(int links, bool hasRawBase, int into, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var chain = new RandomChain(_folder.Path, random, links, hasRawBase);
        MemoryStorage[] files = [.. chain.Names.Select(name => new MemoryStorage(File.ReadAllBytes(_folder[name])))];
        // A file in memory has no holes: what is free is leaked there.
        long leaks = files.Max(LeaksIn);
        var log = new CrashLog(files[into], files[^1]);
        Merge(files, into);
        leaks = Math.Max(leaks, files.Max(LeaksIn));
        Assert.True(log.Count > 0);
        int step = Math.Max(1, log.Count / 60);
        int each = Math.Max(1, 60 / log.Count);
        int looks = 0;
        for (int crash = 0; crash <= log.Count; crash += step)
        {
            for (int i = 0; i < each; i++)
            {
                string where = $"seed {seed}, crash {i} before change {crash} of {log.Count}";
                byte[][] crashed = [.. log.CrashAt(crash, random).Select(file => file.ToArray())];
                byte[][] left = [.. chain.Names.Select((name, link) => link == into ? crashed[0] : link == links - 1 ? crashed[1] : File.ReadAllBytes(_folder[name]))];
                AssertReadsAsBefore(chain, left, into, leaks, where);
                if (looks++ % 8 == 0)
                    AssertCanBeFinished(chain, left, into, where);
            }
        }
    }

    /// <summary>What the operation does with the opened images.</summary>
    private static void Merge(MemoryStorage[] files, int into)
    {
        DiskImage[] images = Open(files, isSound: false);
        using DiskImage top = images[^1];
        var target = (WritableDiskImage)images[into];
        new ImageMerger(top, target).Run(Math.Max(top.Length, target.Length), null, ProgressMeter.Silent, default);
        if (into != files.Length - 2)
            return;
        var overlay = (QedImage)top;
        overlay.Empty();
        overlay.Rearrange(storage => new ClusterReclaimer(storage, null, default).Run());
    }

    private static DiskImage[] Open(IReadOnlyList<MemoryStorage> files, bool isSound)
    {
        var images = new List<DiskImage>();
        foreach (MemoryStorage file in files)
        {
            bool isRaw = images.Count == 0 && !FormatRegistry.Qed.Matches(new FileProbe(file));
            DiskImage image = isRaw
                ? FormatRegistry.Raw.Open(file, ImageOpenOptions.Default)
                : QedImage.Open(file, new QedOpenOptions { ForWriting = true, NeedCheckVerified = isSound });
            image.AttachBacking(images.LastOrDefault());
            images.Add(image);
        }

        return [.. images];
    }

    private static void AssertReadsAsBefore(RandomChain chain, byte[][] left, int into, long leaks, string where)
    {
        foreach (byte[] file in new[] { left[into], left[^1] })
        {
            if (!FormatRegistry.Qed.Matches(new FileProbe(new MemoryStorage(file))))
                continue;
            CheckResult check = new ImageChecker(new MemoryStorage(file), 10).Run(ProgressMeter.Silent, default);
            Assert.True(check.Corruptions == 0, where + ": " + string.Join("; ", check.Issues));
            Assert.True(check.NeedsCheck || check.LeakedClusters <= leaks, where + ": space is lost, and nobody hears of it");
        }

        DiskImage[] images = Open([.. left.Select(file => new MemoryStorage(file))], isSound: true);
        using DiskImage top = images[^1];
        AssertSame(chain.TopDisk, Read(top, top.Length), where + ", the overlay");
        byte[] old = chain.Disks[into];
        Assert.True(images[into].Length >= old.Length && images[into].Length <= chain.Merged(into).Length, where);
        byte[] now = Read(images[into], images[into].Length);
        int end = Math.Min(old.Length, chain.TopDisk.Length);
        AssertSame(old.AsSpan(end), now.AsSpan(end, old.Length - end), where + ", behind the overlay's end");
    }

    /// <summary>Through the front door, with the files that are left.</summary>
    private void AssertCanBeFinished(RandomChain chain, byte[][] left, int into, string where)
    {
        for (int link = 0; link < left.Length; link++)
            TestImage.WriteSparsely(_again[chain.Names[link]], left[link]);
        string target = _again[chain.Names[into]];
        string top = _again[chain.Names[^1]];
        MergeImage.Run(new MergeImageOptions { Path = top, DestinationPath = target, Force = true });
        AssertSame(chain.Merged(into), TestImage.ReadAll(target, Path.GetExtension(target)[1..]), where + ", the destination");
        AssertSame(chain.TopDisk, TestImage.ReadAll(top), where + ", the overlay after it was finished");
        foreach (string path in new[] { target, top }.Where(path => Path.GetExtension(path) == ".qed"))
        {
            CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
            Assert.True(check is { IsClean: true, EntriesBeyondEnd: 0 }, where + ": " + string.Join("; ", check.Issues));
            Assert.False(check.NeedsCheck && path == target, where);
        }
    }

    private static long LeaksIn(MemoryStorage file)
        => FormatRegistry.Qed.Matches(new FileProbe(file)) ? new ImageChecker(file, 10).Run(ProgressMeter.Silent, default).LeakedClusters : 0;

    private static byte[] Read(DiskImage image, long length)
    {
        byte[] disk = new byte[length];
        image.Read(new GuestOffset(0), disk);
        return disk;
    }

    private static void AssertSame(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string where)
    {
        int difference = expected.CommonPrefixLength(actual);
        Assert.True(difference == expected.Length && difference == actual.Length, $"{where}: first difference at {difference}");
    }
}
