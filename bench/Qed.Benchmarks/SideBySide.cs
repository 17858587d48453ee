using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using Microsoft.Win32.SafeHandles;

namespace Qed.Benchmarks;

/// <summary>Runs ours and the peer in turn in one run, so that a drifting machine hits both alike, and prints the ratio.</summary>
internal static class SideBySide
{
    internal static void PrintHeader()
    {
        Console.WriteLine("| work | ours, s | peer, s | ratio (peer / ours) | min..max | goal |");
        Console.WriteLine("|---|---|---|---|---|---|");
    }

    /// <summary>Times two actions alternately; the medians and the median of the pairwise ratios are printed.</summary>
    internal static void Compare(string work, int runs, Action ours, IReadOnlyList<Action> peers, double goal)
    {
        ours();
        foreach (Action peer in peers)
            peer();
        var rows = new List<(double Ours, double Peer)>();
        for (int i = 0; i < runs; i++)
            rows.Add((Time(ours), peers.Min(Time)));
        double[] ratios = rows.Select(row => row.Peer / row.Ours).ToArray();
        Print(work, Median(rows.Select(row => row.Ours)), Median(rows.Select(row => row.Peer)), ratios, goal);
    }

    internal static void PrintDurableHeader()
    {
        Console.WriteLine();
        Console.WriteLine("| work | ours, on disk, s | peer, in memory, s | ratio | peer, on disk, s | ratio | goal |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
    }

    /// <summary>
    /// Compares an action that ends when its file is on stable storage with peers that end sooner: each peer is timed at
    /// its end, and again when its file is on stable storage too. Every run starts from a disk that is at rest.
    /// </summary>
    /// <param name="work">Its name.</param>
    /// <param name="runs">How often; with one there is no run to warm up.</param>
    /// <param name="ours">Our way.</param>
    /// <param name="peers">Other ways; the best counts.</param>
    /// <param name="target">The file that all of them write, which is removed before each run.</param>
    /// <param name="goal">The ratio to reach.</param>
    /// <param name="prepare">Makes the target that ours changes, not timed; null where ours makes it.</param>
    /// <param name="peersChangeIt">Whether the peers change the same target.</param>
    internal static void CompareDurable(string work, int runs, Action ours, IReadOnlyList<Action> peers, string target, double goal, Action? prepare = null, bool peersChangeIt = false)
    {
        var rows = new List<(double Ours, double InMemory, double OnDisk)>();
        // What runs once is not warmed up either.
        for (int i = runs > 1 ? -1 : 0; i < runs; i++)
        {
            double own = AtRest(target, ours, prepare).InMemory;
            (double InMemory, double OnDisk)[] others = peers.Select(peer => PeerAtRest(target, peer, peersChangeIt ? prepare : null)).ToArray();
            if (i >= 0)
                rows.Add((own, others.Min(other => other.InMemory), others.Min(other => other.OnDisk)));
        }

        File.Delete(target);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {work} | {Median(rows.Select(row => row.Ours)):0.00} | {Median(rows.Select(row => row.InMemory)):0.00} | {Median(rows.Select(row => row.InMemory / row.Ours)):0.00} | {Median(rows.Select(row => row.OnDisk)):0.00} | {Median(rows.Select(row => row.OnDisk / row.Ours)):0.00} | {goal:0.0} |"));
    }

    private static (double InMemory, double OnDisk) AtRest(string target, Action convert, Action? prepare = null)
    {
        File.Delete(target);
        prepare?.Invoke();
        // What an earlier run left to be written, and the freeing of its blocks, would hit this one.
        if (OperatingSystem.IsLinux())
            Run("sync");
        var watch = Stopwatch.StartNew();
        convert();
        double inMemory = watch.Elapsed.TotalSeconds;
        using (SafeFileHandle file = File.OpenHandle(target, FileMode.Open, FileAccess.ReadWrite))
            RandomAccess.FlushToDisk(file);
        return (inMemory, watch.Elapsed.TotalSeconds);
    }

    /// <summary>As ours; but some peers crash, as qemu-img convert -W to QED with a failed assertion, and then take forever.</summary>
    private static (double InMemory, double OnDisk) PeerAtRest(string target, Action peer, Action? prepare)
    {
        try
        {
            return AtRest(target, peer, prepare);
        }
        catch (InvalidOperationException error)
        {
            Console.WriteLine($"| a peer failed: {error.Message.Split('/')[0]} ... {error.Message[error.Message.LastIndexOf(':')..]} | | | | | | |");
            return (double.PositiveInfinity, double.PositiveInfinity);
        }
    }

    internal static double Time(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = values.OrderBy(value => value).ToArray();
        return sorted[sorted.Length / 2];
    }

    /// <summary>Runs a program to its end; its output is thrown away.</summary>
    internal static void Run(string program, params string[] arguments) => Run(new ProcessStartInfo(program, arguments));

    internal static void Run(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using Process process = Process.Start(start) ?? throw new InvalidOperationException(start.FileName + " did not start.");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        // qemu-img check says 3 for leaks, among them those that it miscounts.
        if (process.ExitCode is not (0 or 3))
            throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)}: exit code {process.ExitCode}");
    }

    private static void Print(string work, double ours, double peer, double[] ratios, double goal)
        => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {work} | {ours:0.000} | {peer:0.000} | {Median(ratios):0.00} | {ratios.Min():0.00}..{ratios.Max():0.00} | {goal:0.0} |"));
}
