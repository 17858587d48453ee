using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;

namespace Qed.Tests.Fuzzing;

/// <summary>Tries hostile files until so many were tried, and tells what did not hold.</summary>
internal static partial class Program
{
    private const int MostFailures = 30;

    // Counts bound the work of a case; this is for what would never come to count anything.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private static long s_current;

    private static int Main(string[] arguments)
    {
        Settings settings;
        try
        {
            settings = Settings.Parse(arguments);
        }
        catch (FormatException error)
        {
            Console.Error.WriteLine(error.Message);
            return 2;
        }

        using QemuPeer? peer = settings.QemuEvery > 0 ? QemuPeer.TryFind() : null;
        FuzzSeed[] seeds = [.. FuzzSeeds.Own, .. peer?.Seeds ?? []];
        using var fuzzer = new Fuzzer(seeds, settings.Seed, isAlone: true) { AfterCase = (mutant, reading) => Ask(peer, mutant, reading, settings.QemuEvery) };
        Console.WriteLine($"seed {settings.Seed}, cases {settings.From} to {settings.From + settings.Count - 1}, {seeds.Length} sound images, {fuzzer.Mutator.Complete} cases for each field's boundaries");
        Watch(fuzzer.Mutator);
        List<string> failures = Try(fuzzer, settings);
        Console.WriteLine(peer?.Summary ?? "QEMU was not asked");
        failures.ForEach(Console.WriteLine);
        return failures.Count == 0 ? 0 : 1;
    }

    private static void Ask(QemuPeer? peer, Mutant mutant, ReadOnlyTrial reading, int every)
    {
        if (peer is not null && mutant.Number % every == 0)
            peer.Compare(mutant, reading);
    }

    private static List<string> Try(Fuzzer fuzzer, Settings settings)
    {
        var failures = new Dictionary<string, string>();
        var clock = Stopwatch.StartNew();
        long number = settings.From;
        for (; number < settings.From + settings.Count && failures.Count < MostFailures; number++)
        {
            Volatile.Write(ref s_current, number);
            try
            {
                fuzzer.Run(number);
            }
            catch (FuzzFailure failure)
            {
                // One of a kind is enough to look at.
                if (failures.TryAdd(Kind(failure), failure.Message + (failure.InnerException?.InnerException is { } cause ? $"\n{cause.StackTrace}" : string.Empty)))
                    Keep(fuzzer, number, settings.Keep);
            }
        }

        long count = number - settings.From;
        Console.WriteLine($"{count} cases in {clock.Elapsed.TotalSeconds:F0} s ({count / clock.Elapsed.TotalSeconds:F0} a second): {fuzzer.Done} operations done, {fuzzer.Refused} refused, {fuzzer.Requests} requests, at most {fuzzer.MostAllocated >> 20} MiB, {failures.Count} kinds of failure");
        return [.. failures.Values];
    }

    private static string Kind(FuzzFailure failure)
    {
        string text = Digits().Replace(failure.InnerException?.Message ?? failure.Message, "#");
        string[] frames = failure.InnerException?.InnerException?.StackTrace?.Split('\n') ?? [];
        return text[..Math.Min(60, text.Length)] + frames.FirstOrDefault();
    }

    private static void Keep(Fuzzer fuzzer, long number, string? folder)
    {
        if (folder is null)
            return;
        using Mutant mutant = fuzzer.Mutator.Make(number);
        string into = Path.Combine(folder, $"{number}");
        Directory.CreateDirectory(into);
        foreach (string name in mutant.Names)
            File.WriteAllBytes(Path.Combine(into, name), mutant[name].ToArray());
    }

    private static void Watch(Mutator mutator) => new Thread(() =>
    {
        for (long last = -1; ;)
        {
            Thread.Sleep(Longest);
            long now = Volatile.Read(ref s_current);
            if (now == last)
                Environment.FailFast($"case {now} does not end: {mutator.Make(now)}");
            last = now;
        }
    })
    { IsBackground = true }.Start();

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
