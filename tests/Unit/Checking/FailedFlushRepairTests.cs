using System;
using System.Linq;
using Qed.Checking;
using Qed.Layout;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>
/// A flush of the image or of its undo journal that fails, whichever it is, fails the repair or the undo; the mark that the
/// image needs a check stays, and so does the journal, which leads back to the original bytes.
/// </summary>
public sealed class FailedFlushRepairTests
{
    [Fact]
    public void Whichever_flush_of_a_repair_fails_the_image_stays_marked_and_can_be_put_back()
    {
        byte[] broken = Break();
        int failed = 0;
        while (TryFail(broken, failed + 1))
            failed++;
        Assert.True(failed > 5, $"only {failed} flushes could fail");
    }

    [Fact]
    public void Whichever_flush_of_an_undo_fails_the_journal_stays_and_the_undo_can_be_run_again()
    {
        byte[] broken = Break();
        var repaired = new MemoryStorage(broken);
        var store = new MemoryUndoStore();
        new ReversibleRepair(repaired, store).Run(RepairMode.All, default);
        int failed = 0;
        while (true)
        {
            var image = new MemoryStorage(repaired.ToArray());
            var journal = new MemoryStorage(store.Journal!.ToArray());
            var undo = new MemoryUndoStore(journal);
            var flushes = new FailedFlush(failed + 1, image, journal);
            Exception? error = Record.Exception(() => new ReversibleRepair(image, undo).Undo(force: false));
            if (!flushes.HasFailed)
                break;
            failed++;
            Assert.IsType<DiskImageException>(error);
            Assert.True(undo.Exists, $"the journal is gone although flush {failed} failed");
            (image.BeforeChange, journal.BeforeChange) = (null, null);
            new ReversibleRepair(image, undo).Undo(force: false);
            Assert.Equal(broken, image.ToArray());
        }

        Assert.True(failed >= 2, $"only {failed} flushes could fail");
    }

    private static bool TryFail(byte[] broken, int flush)
    {
        var image = new MemoryStorage(broken);
        var journal = new MemoryStorage();
        var undo = new MemoryUndoStore { Prepared = journal };
        var flushes = new FailedFlush(flush, image, journal);
        Exception? error = Record.Exception(() => new ReversibleRepair(image, undo).Run(RepairMode.All, default));
        if (!flushes.HasFailed)
            return false;
        Assert.IsType<DiskImageException>(error);
        // Only the note that the repair has ended may be missing once the mark is gone.
        bool isWhole = new ImageChecker(new MemoryStorage(image.ToArray()), 1).Run(ProgressMeter.Silent, default).IsClean;
        Assert.True(isWhole || QedHeaderReader.Read(image).NeedsCheck, $"the mark is gone although flush {flush} failed");
        (image.BeforeChange, journal.BeforeChange) = (null, null);
        // Where there is no journal nothing was changed.
        if (undo.Exists)
            Assert.True(new ReversibleRepair(image, undo).Undo(force: false).IsExact);
        Assert.True(image.ToArray().AsSpan().SequenceEqual(broken), $"not as it was, flush {flush}");
        return true;
    }

    /// <summary>Marked, with shared data, a shared table, bad entries and leaks.</summary>
    private static byte[] Break()
    {
        var image = new SampleImage(4096, 2, hasBacking: false);
        image.SetL1(2, image.L1(1));
        foreach (int entry in SampleImage.DataEntries.Skip(3))
            image.SetL2(0, entry, image.L2(0, 0));
        image.SetL2(3, 1, 0x1001);
        return image.Bytes.With(16, (ulong)QedFeatures.NeedCheck);
    }
}
