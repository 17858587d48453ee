using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Engine;
using Qed.Images;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>How many flushes what takes, and who waits for which.</summary>
public sealed class CommitTests
{
    private const int Cluster = 4096;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Data_and_entries_take_one_flush_where_no_older_data_could_show()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        using QedImage image = Open(storage);
        image.Write(new GuestOffset(0), Patterns.Filled(Cluster, 1));
        image.Flush();
        Assert.Equal(1, FlushesOf(storage, () => Write(image, 1)));
        // A new table, and what free clusters are looked for once.
        Write(image, 600, 300);
        Assert.Equal(1, FlushesOf(storage, () => Write(image, 100)));
        // The file grows: that must be on the disk before an entry points there.
        Assert.Equal(2, FlushesOf(storage, () => Write(image, 200, 300)));
    }

    [Fact]
    public void Data_is_flushed_before_entries_over_a_backing_file()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20, fill: image => image.SetBackingName(new BackingReference("base.raw", "raw"))));
        using QedImage image = Open(storage);
        image.AttachBacking(new MemoryDisk(new byte[4 << 20]));
        Write(image, 0);
        Assert.Equal(2, FlushesOf(storage, () => Write(image, 1)));
        // A new table, whose place is fresh, goes along with its entry.
        Assert.Equal(2, FlushesOf(storage, () => Write(image, 600)));
    }

    [Fact]
    public void Data_is_flushed_before_an_entry_that_points_at_a_cluster_of_unknown_contents()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        using QedImage image = Open(storage);
        Write(image, 0, 5);
        image.Discard(new GuestOffset(0), Cluster);
        Write(image, 50);
        Assert.Equal(0, image.Space.FreeCount);
        image.Discard(new GuestOffset(Cluster), 2 * Cluster);
        image.Flush();
        Assert.Equal(2, image.Space.FreeCount);
        // That it was taken from the host is not on the disk yet.
        Assert.Equal(2, FlushesOf(storage, () => Write(image, 100)));
        // Now it is, so that the other one is as fresh as if it had never been used.
        Assert.Equal(1, FlushesOf(storage, () => Write(image, 200)));
        Assert.Equal(0, image.Space.FreeCount);
    }

    [Fact]
    public async Task Flushes_that_come_while_one_is_under_way_are_served_together_by_the_next()
    {
        const int Others = 6;
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        using QedImage image = Open(storage);
        Write(image, 0);
        using var isFlushing = new ManualResetEventSlim();
        using var mayEnd = new ManualResetEventSlim();
        int flushes = 0;
        storage.BeforeChange = change =>
        {
            if (change.Kind != StorageChangeKind.Flush || Interlocked.Increment(ref flushes) > 1)
                return;
            isFlushing.Set();
            mayEnd.Wait(Token);
        };
        Task first = Task.Run(image.Flush, Token);
        isFlushing.Wait(Token);
        Task[] others = [.. Enumerable.Range(0, Others).Select(_ => Task.Factory.StartNew(image.Flush, Token, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        // All of them wait by then; one that came later would only make the count higher.
        await Task.Delay(200, Token);
        mayEnd.Set();
        await first;
        await Task.WhenAll(others);
        Assert.InRange(flushes, 2, 3);
    }

    [Fact]
    public async Task Who_was_served_by_another_fails_with_it()
    {
        var group = new CommitGroup();
        using var isWorking = new ManualResetEventSlim();
        using var mayEnd = new ManualResetEventSlim();
        Task<bool> first = Task.Run(() => group.Run(() =>
        {
            isWorking.Set();
            mayEnd.Wait(Token);
        }), Token);
        isWorking.Wait(Token);
        int runs = 0;
        void Fail()
        {
            Interlocked.Increment(ref runs);
            throw new DiskImageException(ErrorKind.NotEnoughSpace, "the disk is full", "a.qed");
        }

        Task<Exception?>[] others = [.. Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () => Record.Exception(() => { group.Run(Fail); }), Token, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        await Task.Delay(200, Token);
        mayEnd.Set();
        Assert.True(await first);
        foreach (Exception? error in await Task.WhenAll(others))
            Assert.Equal(ErrorKind.NotEnoughSpace, Assert.IsType<DiskImageException>(error).Kind);
        Assert.InRange(runs, 1, 2);
        Assert.True(group.Run(() => { }));
    }

    [Fact]
    public void The_mark_is_taken_back_when_nothing_was_changed_for_two_periods()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        var background = new Background();
        using QedImage image = Open(storage, background);
        Assert.False(background.IsTicking);
        image.Write(new GuestOffset(0), Patterns.Filled(512, 1));
        background.Tick();
        Assert.True(IsMarked(storage));
        image.Write(new GuestOffset(Cluster), Patterns.Filled(512, 1));
        background.Tick();
        Assert.True(IsMarked(storage));
        int before = storage.Flushes;
        background.Tick();
        // What was written is on the disk, and so is the mark's end.
        Assert.False(IsMarked(storage));
        Assert.True(storage.Flushes > before + 1);
        Assert.False(background.IsTicking);
        using (QedImage crashed = QedImage.Open(new MemoryStorage(storage.ToArray(), canWrite: false)))
        {
            byte[] read = new byte[512];
            crashed.Read(new GuestOffset(Cluster), read);
            Assert.Equal(Patterns.Filled(512, 1), read);
        }

        // In place nothing can be lost; what is allocated sets the mark again.
        image.Write(new GuestOffset(0), Patterns.Filled(512, 2));
        Assert.False(IsMarked(storage));
        image.Write(new GuestOffset(2 * Cluster), Patterns.Filled(512, 2));
        Assert.True(IsMarked(storage));
        Assert.True(background.IsTicking);
    }

    [Fact]
    public void The_mark_stays_where_a_flush_has_failed_or_work_is_under_way()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        var background = new Background();
        using (QedImage image = Open(storage, background))
        {
            image.Write(new GuestOffset(0), Patterns.Filled(512, 1));
            _ = new FailedFlush(1, storage);
            background.Tick();
            background.Tick();
            storage.BeforeChange = null;
            Assert.True(IsMarked(storage));
        }

        Assert.True(IsMarked(storage));
        storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        using QedImage other = Open(storage, background);
        other.MarkUnderWork();
        other.Write(new GuestOffset(0), Patterns.Filled(512, 1));
        background.Tick();
        background.Tick();
        Assert.True(IsMarked(storage));
    }

    [Fact]
    public void Later_flushes_that_succeed_take_no_mark_away()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 << 20));
        using (QedImage image = Open(storage))
        {
            image.Write(new GuestOffset(100_000), Patterns.Random(300_000, 1));
            var flushes = new FailedFlush(1, storage);
            Fails.With(ErrorKind.AccessDenied, image.Flush);
            Assert.True(flushes.HasFailed);
            storage.BeforeChange = null;
        }

        Assert.True(IsMarked(storage));
    }

    private static void Write(QedImage image, int cluster, int count = 1)
    {
        image.Write(new GuestOffset((long)cluster * Cluster), Patterns.Filled(count * Cluster, 1));
        image.Flush();
    }

    private static int FlushesOf(MemoryStorage storage, Action work)
    {
        int before = storage.Flushes;
        work();
        return storage.Flushes - before;
    }

    private static bool IsMarked(MemoryStorage storage) => (storage.ToArray()[16] & 2) != 0;

    private static QedImage Open(MemoryStorage storage, BackgroundWork? background = null)
        => QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = background ?? new Background() });
}
