using System;
using System.Linq;
using Qed.Checking;
using Qed.Layout;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>
/// Whichever read, write, flush, hole or length of a repair or its undoing fails, in the image or in the journal, once or twice in
/// a row: the error is named, the mark and the journal stay, and both lead on and back.
/// </summary>
public sealed class RepairFaultTests
{
    private static readonly byte[] Broken = Break();

    public static TheoryData<string, int, int> Faults()
    {
        var all = new TheoryData<string, int, int>();
        foreach (string call in Enum.GetNames<StorageCall>())
        {
            all.Add(call, LinuxError.Eio, 1);
            all.Add(call, LinuxError.Enospc, 2);
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void Whatever_fails_in_a_repair_the_image_can_be_put_back_and_the_repair_ended(string call, int error, int times)
    {
        int failed = 0;
        for (int number = 1; ; number++)
        {
            var image = new MemoryStorage(Broken) { HasHoles = true };
            var undo = new MemoryUndoStore { Prepared = new MemoryStorage() };
            var faults = new FaultPlan();
            faults.Watch(image);
            faults.Watch(undo.Prepared);
            faults.Arm(Enum.Parse<StorageCall>(call), number, times, error);
            Exception? reported = Record.Exception(() => new ReversibleRepair(image, undo).Run(RepairMode.All, default));
            if (!WasNamed(faults, reported, call))
                break;
            failed++;
            bool isWhole = new ImageChecker(image.Fork(), 1).Run(ProgressMeter.Silent, default).IsClean;
            Assert.True(isWhole || QedHeaderReader.Read(image.Fork()).NeedsCheck, $"the mark is gone although call {number} failed");
            (MemoryStorage again, MemoryUndoStore journal) = (image.Fork(), Copy(undo));
            Assert.True(new ReversibleRepair(again, journal).Run(RepairMode.All, default).Check.IsClean);
            AssertUndone(again, journal);
            AssertUndone(image.Fork(), Copy(undo));
        }

        Assert.True(failed > 0 || call == nameof(StorageCall.Punch), "nothing could fail");
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void Whatever_fails_in_an_undo_the_journal_stays_and_the_undo_can_be_run_again(string call, int error, int times)
    {
        var repaired = new MemoryStorage(Broken) { HasHoles = true };
        var store = new MemoryUndoStore();
        new ReversibleRepair(repaired, store).Run(RepairMode.All, default);
        int failed = 0;
        for (int number = 1; ; number++)
        {
            MemoryStorage image = repaired.Fork();
            MemoryUndoStore undo = Copy(store);
            var faults = new FaultPlan();
            faults.Watch(image);
            faults.Watch(undo.Journal!);
            faults.Arm(Enum.Parse<StorageCall>(call), number, times, error);
            Exception? reported = Record.Exception(() => new ReversibleRepair(image, undo).Undo(force: false));
            if (!WasNamed(faults, reported, call))
                break;
            failed++;
            Assert.True(reported is null || undo.Exists, $"the journal is gone although call {number} failed");
            AssertUndone(image.Fork(), Copy(undo));
        }

        Assert.True(failed > 0 || call == nameof(StorageCall.Punch), "nothing could fail");
    }

    /// <returns>False where nothing has failed any more.</returns>
    private static bool WasNamed(FaultPlan faults, Exception? reported, string call)
    {
        if (faults.Failures == 0)
        {
            Assert.Null(reported);
            return false;
        }

        // Where the host makes no holes zeroes are written.
        if (call != nameof(StorageCall.Punch))
            Assert.Equal(faults.Kind, Assert.IsType<DiskImageException>(reported).Kind);
        return true;
    }

    private static MemoryUndoStore Copy(MemoryUndoStore store) => new(store.Journal?.Fork());

    private static void AssertUndone(MemoryStorage image, MemoryUndoStore undo)
    {
        // Where there is no journal nothing was changed, and where it is empty nothing was yet.
        if (undo.Exists && UndoHeader.Read(undo.Journal!) is not null)
            Assert.True(new ReversibleRepair(image, undo).Undo(force: false).IsExact);
        Assert.True(image.ToArray().AsSpan().SequenceEqual(Broken), "not as it was");
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
