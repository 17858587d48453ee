using System;
using System.Linq;
using System.Threading;
using Qed.Checking;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>Repairs that cannot go to their end: no space for the image or its journal, or the user's wish.</summary>
public sealed class RepairLimitsTests
{
    [Fact]
    public void A_full_disk_at_any_point_is_an_error_after_which_the_image_can_be_put_back_without_more_space()
    {
        byte[] broken = Break();
        (long imageNeeds, long journalNeeds) = Measure(broken);
        Assert.True(imageNeeds > broken.Length, "The repair is meant to need space.");
        for (long limit = broken.Length; limit < imageNeeds; limit += 2048)
            AssertUndoneWithin(broken, limit, long.MaxValue);
        for (long limit = 0; limit < journalNeeds; limit += 777)
            AssertUndoneWithin(broken, long.MaxValue, limit);
    }

    [Fact]
    public void A_repair_that_is_cancelled_at_any_change_can_be_undone_or_run_again()
    {
        byte[] broken = Break();
        int cancelled = 0;
        for (int stop = 1; ; stop++)
        {
            using var cancellation = new CancellationTokenSource();
            int changes = 0;
            var storage = new MemoryStorage(broken);
            storage.BeforeChange = _ =>
            {
                if (++changes == stop)
                    cancellation.Cancel();
            };
            var undo = new MemoryUndoStore();
            Exception? error = Record.Exception(() => new ReversibleRepair(storage, undo).Run(RepairMode.All, cancellation.Token));
            if (!cancellation.IsCancellationRequested)
                break;
            storage.BeforeChange = null;
            cancelled += error is OperationCanceledException ? 1 : 0;
            Assert.True(error is null or OperationCanceledException, error?.ToString());
            if (stop % 2 == 0)
                Assert.True(new ReversibleRepair(storage, undo).Run(RepairMode.All, default).Check.IsClean);
            if (undo.Exists)
                new ReversibleRepair(storage, undo).Undo(force: false);
            Assert.True(storage.ToArray().AsSpan().SequenceEqual(broken), $"cancelled at change {stop}");
        }

        Assert.True(cancelled > 10, $"only {cancelled} repairs were cancelled");
    }

    [Fact]
    public void A_repair_that_is_cancelled_before_its_first_change_leaves_no_journal()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        var undo = new MemoryUndoStore();
        Assert.Throws<OperationCanceledException>(() => new ReversibleRepair(new MemoryStorage(Break()), undo).Run(RepairMode.All, cancellation.Token));
        Assert.False(undo.Exists);
    }

    private static void AssertUndoneWithin(byte[] broken, long imageLimit, long journalLimit)
    {
        var storage = new MemoryStorage(broken);
        Limit(storage, imageLimit);
        var journal = new MemoryStorage();
        Limit(journal, journalLimit);
        var undo = new MemoryUndoStore { Prepared = journal };
        Fails.With(ErrorKind.NotEnoughSpace, () => new ReversibleRepair(storage, undo).Run(RepairMode.All, default));
        // Where there is no journal nothing was changed.
        if (undo.Exists)
            Assert.True(new ReversibleRepair(storage, undo).Undo(force: false).IsExact);
        Assert.True(storage.ToArray().AsSpan().SequenceEqual(broken), $"limits {imageLimit} and {journalLimit}");
        Assert.False(undo.Exists);
    }

    private static (long Image, long Journal) Measure(byte[] broken)
    {
        var storage = new MemoryStorage(broken);
        long most = 0;
        storage.BeforeChange = change => most = Math.Max(most, change.Kind == StorageChangeKind.Punch ? 0 : change.Offset + change.Length);
        var undo = new MemoryUndoStore();
        Assert.True(new ReversibleRepair(storage, undo).Run(RepairMode.All, default).Check.IsClean);
        return (most, undo.Journal!.Length);
    }

    private static void Limit(MemoryStorage storage, long limit) => storage.BeforeChange = change =>
    {
        if (change.Kind != StorageChangeKind.Flush && change.Kind != StorageChangeKind.Punch && change.Offset + change.Length > limit)
            throw new DiskImageException(ErrorKind.NotEnoughSpace, "the disk is full", storage.Path);
    };

    /// <summary>Shared data, a shared table, bad entries and leaks.</summary>
    private static byte[] Break()
    {
        var image = new SampleImage(4096, 2, hasBacking: false);
        image.SetL1(2, image.L1(1));
        foreach (int entry in SampleImage.DataEntries.Skip(3))
            image.SetL2(0, entry, image.L2(0, 0));
        image.SetL2(3, 1, 0x1001);
        return image.Bytes;
    }
}
