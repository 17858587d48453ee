using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;

namespace Qed.Tests.Soak;

/// <summary>What one process does again and again, and whether it holds no more at the end than at the start.</summary>
internal abstract class Role
{
    // The code is compiled, and caches are filled, by then.
    private const int WarmUpSteps = 60;

    private readonly List<Vitals> _vitals = [];

    protected abstract string Name { get; }

    /// <summary>What was done so far, and how often.</summary>
    protected SortedDictionary<string, int> Done { get; } = [];

    /// <summary>Does something.</summary>
    /// <exception cref="PromiseException">Something was not as it must be.</exception>
    protected abstract void Step();

    internal int Run(TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan nextLook = TimeSpan.Zero;
        int steps = 0;
        try
        {
            for (; clock.Elapsed < time; steps++)
            {
                Step();
                if (steps < WarmUpSteps || clock.Elapsed < nextLook)
                    continue;
                _vitals.Add(Vitals.Take());
                nextLook = clock.Elapsed + (time / 100);
            }

            RequireFlat();
            Console.WriteLine($"{Name}: {steps} steps: {string.Join(", ", Done.Select(done => $"{done.Key} {done.Value}"))}; {_vitals[0]} at first, {_vitals[^1]} at last");
            return 0;
        }
        catch (Exception error)
        {
            Console.WriteLine($"{Name}, step {steps}: {error}");
            return 1;
        }
    }

    protected void Count(string what) => Done[what] = Done.GetValueOrDefault(what) + 1;

    /// <summary>The least of the last quarter is no more than the most of the first, and a little.</summary>
    private void RequireFlat()
    {
        int quarter = _vitals.Count / 4;
        if (quarter == 0)
            throw new PromiseException("it runs long enough to be looked at");
        Vitals[] first = [.. _vitals.Take(quarter)];
        Vitals[] last = [.. _vitals.TakeLast(quarter)];
        RequireNoGrowth("managed memory", first.Max(vitals => vitals.Managed), last.Min(vitals => vitals.Managed), 4 << 20);
        RequireNoGrowth("resident memory", first.Max(vitals => vitals.Resident), last.Min(vitals => vitals.Resident), 48 << 20);
        RequireNoGrowth("open files", first.Max(vitals => vitals.Handles), last.Min(vitals => vitals.Handles), 8);
        RequireNoGrowth("threads", first.Max(vitals => vitals.Threads), last.Min(vitals => vitals.Threads), 2);
    }

    private static void RequireNoGrowth(string what, long first, long last, long margin)
    {
        if (last > first + margin)
            throw new PromiseException($"{what} does not grow, from {first} to {last}");
    }
}
