using System;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Engine;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>What the search for crashes has found, each by itself.</summary>
public sealed class CrashRegressionTests
{
    private const int Cluster = 4096;

    [Theory]
    [InlineData("Allocate", "a cluster, and a table of zero marks, that no entry on the disk leads to yet")]
    [InlineData("Zero", "a table of zero marks")]
    [InlineData("Discard", "clusters whose entries are gone before they are")]
    public void Over_a_backing_file_too_the_mark_tells_of_lost_space(string operation, string lost)
    {
        var run = new CrashRun(new CrashBed(hasBacking: true, onDevice: false, 1, acrossTables: true), seed: 1, every: 1);
        run.Try(Enum.Parse<CrashOperation>(operation));
        run.Try(CrashOperation.Merge, Enum.Parse<CrashOperation>(operation));
        Assert.True(run.States > 10, lost);
    }

    [Fact]
    public void The_mark_goes_after_the_holes_of_what_was_freed_are_on_the_disk()
    {
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(8 * Cluster, 1)))) { HasHoles = true };
        bool hasUnflushedHole = false;
        storage.BeforeChange = change =>
        {
            bool isHeader = change is { Kind: StorageChangeKind.Write, Offset: 0 };
            Assert.False(isHeader && hasUnflushedHole, "the header is written while holes are on their way");
            hasUnflushedHole = change.Kind == StorageChangeKind.Punch || (hasUnflushedHole && change.Kind != StorageChangeKind.Flush);
        };
        int holes = 0;
        storage.RefusesPunch = () => ++holes == 0;
        var background = new Background();
        using QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = background });
        image.Discard(new GuestOffset(0), 2 * Cluster);
        background.Tick();
        background.Tick();
        Assert.True(holes > 0 && !IsMarked(storage));
        image.Discard(new GuestOffset(4 * Cluster), 2 * Cluster);
    }

    [Fact]
    public void What_a_crash_has_lost_is_given_back_before_the_mark_goes()
    {
        MemoryStorage storage = Killed(out _);
        Assert.True(Check(storage) is { NeedsCheck: true, LeakedClusters: > 0 });
        using (ImageForChange opened = ImageForChange.Open(storage, new ChangeNeeds { Background = new Background() }, null, default))
            opened.Begin(NullLogger.Instance);
        Assert.True(Check(storage) is { NeedsCheck: false, LeakedClusters: 0 });
    }

    [Fact]
    public void What_a_killed_process_has_left_in_memory_is_flushed_before_what_it_freed_is_used()
    {
        MemoryStorage storage = Killed(out int unflushed);
        Assert.True(unflushed > 0);
        var log = new CrashLog(storage);
        using (ImageForChange opened = ImageForChange.Open(storage.Fork(), new ChangeNeeds { Background = new Background() }, null, default))
        {
            StorageChangeKind? first = null;
            ((MemoryStorage)opened.Image.Storage).BeforeChange = change => first ??= change.Kind;
            opened.Begin(NullLogger.Instance);
            Assert.Equal(StorageChangeKind.Flush, first);
        }

        StorageChangeKind? firstOfRepair = null;
        storage.BeforeChange = change => firstOfRepair ??= change.Kind;
        new ReversibleRepair(storage, new MemoryUndoStore()).Run(RepairMode.All, default);
        Assert.Equal(StorageChangeKind.Flush, firstOfRepair);
        Assert.Equal(0, log.Count);
    }

    [Fact]
    public void Where_the_tables_cannot_be_read_at_closing_the_mark_tells_of_what_was_not_given_back()
    {
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(8 * Cluster, 1)))) { HasHoles = true };
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = new Background() });
        image.Empty();
        storage.BeforeRead = () => throw new DiskImageException(ErrorKind.AccessDenied, "the device reported an I/O error", storage.Path);
        image.Dispose();
        storage.BeforeRead = null;
        Assert.True(Check(storage) is { NeedsCheck: true, LeakedClusters: > 0 });
    }

    [Fact]
    public void What_is_dropped_behind_the_end_of_the_disk_is_given_back_before_the_mark_goes()
    {
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(8 * Cluster, 1)))) { HasHoles = true };
        using (QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = new Background() }))
            image.SetSize(3 * Cluster);
        Assert.True(Check(storage) is { NeedsCheck: false, LeakedClusters: 0 });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_dropped_in_each_of_many_scans_is_given_back_before_the_mark_goes(bool isIdle)
    {
        const int Clusters = 64;
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(Clusters * Cluster, 1)))) { HasHoles = true };
        var background = new Background();
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = background });
        // From here on the table that is looked up is in memory.
        image.Discard(new GuestOffset(Clusters * Cluster), Cluster);
        int dropped = 0;
        // Its entry is on the disk still when the scan comes to it.
        storage.BeforeRead = () => image.Discard(new GuestOffset(dropped++ * Cluster), Cluster);
        image.Discard(new GuestOffset((Clusters - 1) * Cluster), Cluster);
        storage.BeforeRead = null;
        Assert.InRange(dropped, 4, Clusters - 2);
        for (int i = 0; isIdle && background.IsTicking && i < 9; i++)
            background.Tick();
        Assert.Equal(!isIdle, IsMarked(storage));
        if (!isIdle)
            image.Dispose();
        Assert.True(Check(storage) is { NeedsCheck: false, LeakedClusters: 0 });
        image.Dispose();
    }

    /// <summary>An image whose process was killed after it had written and dropped clusters.</summary>
    private static MemoryStorage Killed(out int unflushed)
    {
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20)) { HasHoles = true };
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = new Background() });
        image.Write(new GuestOffset(0), Patterns.Filled(8 * Cluster, 1));
        image.Flush();
        int changes = 0;
        storage.BeforeChange = change => changes = change.Kind == StorageChangeKind.Flush ? 0 : changes + 1;
        // Its data reaches the file, its entries do not.
        image.Write(new GuestOffset(100 * Cluster), Patterns.Filled(4 * Cluster, 2));
        storage.BeforeChange = null;
        unflushed = changes;
        return storage.Fork();
    }

    private static bool IsMarked(MemoryStorage storage) => QedHeaderReader.Read(storage).NeedsCheck;

    private static CheckResult Check(MemoryStorage storage) => new ImageChecker(storage, 10).Run(ProgressMeter.Silent, default);
}
