using System;
using System.Diagnostics;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>
/// Whichever read, write, flush, hole or length of an operation fails, once or twice in a row: the error is named, what is there is
/// sound and the old contents or the new ones, and the same operation succeeds once the cause is gone.
/// </summary>
public sealed class FaultTests
{
    public static TheoryData<string, bool, bool> Operations()
    {
        var all = new TheoryData<string, bool, bool>();
        foreach (string operation in Enum.GetNames<CrashOperation>())
        {
            foreach (bool hasBacking in new[] { false, true })
            {
                all.Add(operation, hasBacking, false);
                all.Add(operation, hasBacking, true);
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void Whatever_fails_is_named_costs_nothing_and_can_be_done_again(string operation, bool hasBacking, bool onDevice)
    {
        var trial = new FaultTrial(new CrashBed(hasBacking, onDevice, 1, acrossTables: false), Enum.Parse<CrashOperation>(operation));
        var watch = Stopwatch.StartNew();
        foreach (StorageCall call in Enum.GetValues<StorageCall>())
        {
            foreach (int error in call is StorageCall.Read or StorageCall.Punch ? (int[])[LinuxError.Eio] : [LinuxError.Eio, LinuxError.Enospc])
            {
                foreach (int times in new[] { 1, 2 })
                    trial.TryAll(call, error, times);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{trial.Failed} trials, {trial.Reported} of them with an error, {watch.Elapsed.TotalSeconds:0.0} s");
        Assert.True(trial.Reported > 10, $"only {trial.Reported} calls could fail");
    }
}
