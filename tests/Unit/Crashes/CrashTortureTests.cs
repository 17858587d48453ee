using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>As many crashes as anybody has time for: ./build.ps1 Torture.</summary>
public sealed class CrashTortureTests
{
    private const string Usual = "5000000";
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly ConcurrentDictionary<(bool, bool, bool, int), CrashBed> _beds = new();
    private long _states;
    private long _sequences;
    private long _repaired;

    [Fact(Explicit = true)]
    public void As_many_states_as_are_wanted_are_as_they_should_be()
    {
        string wanted = Environment.GetEnvironmentVariable("QED_TORTURE") is { Length: > 0 } text ? text : Usual;
        int seed = int.TryParse(Environment.GetEnvironmentVariable("QED_TORTURE_SEED"), CultureInfo.InvariantCulture, out int given) ? given : Environment.TickCount & 0xffffff;
        Console.WriteLine($"wanted: {wanted}; seed {seed}");
        Func<bool> isEnough = EnoughFor(wanted);
        using (new Timer(_ => Report(), null, Period, Period))
            Parallel.For(0, Environment.ProcessorCount, worker => Work(seed + (worker * 1_000_003), isEnough));
        Report();
    }

    private static TimeSpan? TimeOf(string wanted) => wanted[^1] switch
    {
        'm' => TimeSpan.FromMinutes(double.Parse(wanted[..^1], CultureInfo.InvariantCulture)),
        'h' => TimeSpan.FromHours(double.Parse(wanted[..^1], CultureInfo.InvariantCulture)),
        _ => null,
    };

    private Func<bool> EnoughFor(string wanted)
    {
        if (TimeOf(wanted) is { } time)
            return () => _watch.Elapsed > time;
        long count = long.Parse(wanted, CultureInfo.InvariantCulture);
        return () => Interlocked.Read(ref _states) >= count;
    }

    private void Work(int seed, Func<bool> isEnough)
    {
        var random = new Random(seed);
        CrashOperation[] all = Enum.GetValues<CrashOperation>();
        while (!isEnough())
        {
            var run = new CrashRun(BedOf(random), random.Next(), every: 16);
            for (int i = 0; i < 20; i++)
            {
                run.Try(random.GetItems(all, 4));
                run.TryRandom(steps: 30, samples: 24);
            }

            Interlocked.Add(ref _states, run.States);
            Interlocked.Add(ref _sequences, run.Sequences);
            Interlocked.Add(ref _repaired, run.Repaired);
        }
    }

    private CrashBed BedOf(Random random)
    {
        (bool HasBacking, bool OnDevice, bool AcrossTables, int TableSize) kind = (random.Next(2) == 0, random.Next(2) == 0, random.Next(2) == 0, 1 << random.Next(3));
        return _beds.GetOrAdd(kind, _ => new CrashBed(kind.HasBacking, kind.OnDevice, kind.TableSize, kind.AcrossTables));
    }

    private void Report()
        => Console.WriteLine($"{_watch.Elapsed:hh\\:mm\\:ss}: {Interlocked.Read(ref _states)} states of {Interlocked.Read(ref _sequences)} sequences, {Interlocked.Read(ref _repaired)} of them repaired twice, undone and written to");
}
