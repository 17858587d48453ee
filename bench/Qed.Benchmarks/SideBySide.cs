using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;

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
        peers = peers.Where(Works).ToArray();
        var rows = new List<(double Ours, double Peer)>();
        for (int i = 0; i < runs; i++)
            rows.Add((Time(ours), peers.Min(Time)));
        double[] ratios = rows.Select(row => row.Peer / row.Ours).ToArray();
        Print(work, Median(rows.Select(row => row.Ours)), Median(rows.Select(row => row.Peer)), ratios, goal);
    }

    /// <summary>Warms a peer up. Some crash: qemu-img convert -W to QED fails an assertion.</summary>
    private static bool Works(Action peer)
    {
        try
        {
            peer();
            return true;
        }
        catch (InvalidOperationException error)
        {
            Console.WriteLine($"| a peer failed: {error.Message.Split('/')[0]} ... {error.Message[error.Message.LastIndexOf(':')..]} | | | | | |");
            return false;
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
    internal static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException(program + " did not start.");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        // qemu-img check says 3 for leaks, among them those that it miscounts.
        if (process.ExitCode is not (0 or 3))
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}");
    }

    private static void Print(string work, double ours, double peer, double[] ratios, double goal)
        => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {work} | {ours:0.000} | {peer:0.000} | {Median(ratios):0.00} | {ratios.Min():0.00}..{ratios.Max():0.00} | {goal:0.0} |"));
}
