using System;
using System.Diagnostics;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>All that can be done to an image in up to three steps, and much more by chance, with a crash anywhere.</summary>
public sealed class CrashSequenceTests
{
    private const long LeastRandomStates = 8_500;

    /// <summary>The kinds of images, and how many states there are of each at least: 235,000 with those of long sequences.</summary>
    public static TheoryData<bool, bool, bool, long> Beds() => new()
    {
        { false, false, false, 15_000 },
        { false, false, true, 17_000 },
        { false, true, false, 14_000 },
        { false, true, true, 19_000 },
        { true, false, false, 22_000 },
        { true, false, true, 28_500 },
        { true, true, false, 21_000 },
        { true, true, true, 30_500 },
    };

    [Theory]
    [MemberData(nameof(Beds))]
    public void Every_sequence_of_up_to_three_operations_keeps_what_was_flushed(bool hasBacking, bool onDevice, bool acrossTables, long least)
        => Try(new CrashBed(hasBacking, onDevice, 1, acrossTables), seed: 1, least, run => run.TryAll(3));

    [Theory]
    [MemberData(nameof(Beds))]
    public void So_do_long_ones_by_chance_of_one_guest_and_of_several(bool hasBacking, bool onDevice, bool acrossTables, long least)
        => Try(new CrashBed(hasBacking, onDevice, 2, acrossTables), seed: 2, Math.Min(least, LeastRandomStates), run =>
        {
            for (int i = 0; i < 90; i++)
                run.TryRandom(steps: 20, samples: 9);
        });

    private static void Try(CrashBed bed, int seed, long least, Action<CrashRun> work)
    {
        var run = new CrashRun(bed, seed, every: 32);
        var watch = Stopwatch.StartNew();
        try
        {
            work(run);
        }
        finally
        {
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"seed {seed}: {run.Sequences} sequences, {run.States} states, {run.Repaired} of them repaired and used, {watch.Elapsed.TotalSeconds:0.0} s");
        }

        Assert.True(run.States >= least, $"only {run.States} states were looked at, and not {least}");
    }
}
