using System;
using Qed.Layout;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>One operation, again and again, each time with another call to its files that fails.</summary>
/// <param name="bed">The images.</param>
/// <param name="operation">The operation.</param>
internal sealed class FaultTrial(CrashBed bed, CrashOperation operation)
{
    /// <summary>How often something failed.</summary>
    internal int Failed { get; private set; }

    /// <summary>How often that was an error of the operation's: the host may refuse to take back space, or to make a file shorter.</summary>
    internal int Reported { get; private set; }

    /// <summary>Lets the first call of a kind fail, then the second, and so on.</summary>
    internal void TryAll(StorageCall call, int error, int times)
    {
        for (int number = 1; Try(call, number, error, times); number++)
            Failed++;
    }

    private bool Try(StorageCall call, int number, int error, int times)
    {
        string where = $"{bed.Name}: {operation}, {call} {number} fails {times} times with {error}";
        var subject = new CrashSubject(bed);
        var faults = new FaultPlan();
        Array.ForEach(subject.Files, faults.Watch);
        // What goes before lets it have something to do.
        subject.Do(CrashOperation.Allocate);
        subject.Do(CrashOperation.Discard);
        faults.Arm(call, number, times, error);
        Exception? reported = Record.Exception(() =>
        {
            subject.Do(operation);
            subject.Close();
        });
        if (faults.Failures == 0)
        {
            Assert.True(reported is null, $"{where}: {reported}");
            return false;
        }

        faults.Disarm();
        if (reported is not null)
        {
            Reported++;
            Assert.True(reported is DiskImageException named && named.Kind == faults.Kind, $"{where}: {reported}");
        }

        if (reported is not null)
            subject.Histories[0].DoubtLast();
        // A process that fails closes all that it has open.
        Record.Exception(subject.Close);
        Assert.True(!Array.Exists(subject.Files, file => file.IsOpen), where + ": a file stays open");
        Assert.True(call != StorageCall.Flush || reported is not null, where + ": a flush that failed has passed for one that succeeded");
        Assert.True(call != StorageCall.Flush || !LosesUnnoticed || IsMarked(subject.Files[0]), where + ": the mark is gone although a flush has failed");
        Look(subject, where, mayLeak: call == StorageCall.Punch);
        DoAgain(subject, where, mayLeak: call == StorageCall.Punch);
        return true;
    }

    /// <summary>Whether what a flush has failed to write is more than one sector, which is old or new.</summary>
    private bool LosesUnnoticed => operation <= CrashOperation.Flush;

    private static bool IsMarked(MemoryStorage file) => QedHeaderReader.Read(file).NeedsCheck;

    private void Look(CrashSubject subject, string where, bool mayLeak = false)
    {
        var inspector = new CrashInspector(bed, new Random(1), every: 1) { MayLeak = mayLeak };
        if (inspector.Look([.. Array.ConvertAll(subject.Files, file => file.Fork())], subject, subject.Log.Count) is { } wrong)
            Assert.Fail($"{where}: {wrong}");
    }

    /// <summary>Another process does the same, on what is left.</summary>
    private void DoAgain(CrashSubject subject, string where, bool mayLeak)
    {
        CrashSubject again = subject.Reopen(operation);
        Exception? error = Record.Exception(() =>
        {
            again.Do(operation);
            again.Close();
        });
        Assert.True(error is null, $"{where}, done again: {error}");
        Look(again, where + ", done again", mayLeak);
    }
}
