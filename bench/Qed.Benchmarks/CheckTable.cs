using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>
/// The inventors' question over the sizes that people have: the table and the plot of docs/check.md. Ours is timed inside
/// a running process, as in a PowerShell session; memory is that of a whole process of each.
/// </summary>
internal static class CheckTable
{
    private const int Runs = 5;
    // The largest takes qemu-img minutes.
    private const int RunsOfLargest = 1;
    private const string DropCaches = "/proc/sys/vm/drop_caches";

    private static readonly (string Name, long Size)[] Sizes =
        [("100 GiB", 100L << 30), ("1 TiB", 1L << 40), ("10 TiB", 10L << 40), ("64 TiB", 64L << 40)];

    internal static void Run(string folder, string? plotPath)
    {
        var rows = new List<Row>();
        Console.WriteLine();
        Console.WriteLine("| image | tables | cache | ours, s | qemu-img check, s | ratio | ours, MiB | qemu-img, MiB |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach ((string name, long size) in Sizes)
            rows.AddRange(Measure(name, size, folder));
        if (plotPath is not null)
            CheckPlot.Save(plotPath, rows);
    }

    /// <summary>What a process of its own does for the memory column.</summary>
    internal static void CheckOne(string path) => Check(path, null);

    private static IEnumerable<Row> Measure(string name, long size, string folder)
    {
        string path = Path.Combine(folder, "table.qed");
        if (!TryMake(path, size))
        {
            // Beyond what most file systems let a file be; memory has no such limit, but there is no cold cache there.
            path = "/dev/shm/qed-bench-table.qed";
            if (!Directory.Exists("/dev/shm") || !TryMake(path, size))
            {
                Console.WriteLine($"| {name} | skipped: no file system here takes a file this long | | | | | | |");
                yield break;
            }
        }

        try
        {
            long memory = PeakMemory(Environment.ProcessPath!, "check-one", path);
            long peerMemory = PeakMemory("qemu-img", "check", "-f", "qed", path);
            yield return Time(name, size, path, isCold: false, memory, peerMemory);
            if (File.Exists(DropCaches) && Environment.IsPrivilegedProcess && !path.StartsWith("/dev/shm", StringComparison.Ordinal))
                yield return Time(name, size, path, isCold: true, memory, peerMemory);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static bool TryMake(string path, long size)
    {
        try
        {
            BigImage.Make(path, size, seed: 1);
            return true;
        }
        catch (Exception error) when (error is IOException or ArgumentOutOfRangeException)
        {
            File.Delete(path);
            return false;
        }
    }

    private static Row Time(string name, long size, string path, bool isCold, long memory, long peerMemory)
    {
        var ours = new List<double>();
        var peer = new List<double>();
        int runs = size > Sizes[2].Size ? RunsOfLargest : Runs;
        for (int i = 0; i < runs; i++)
        {
            if (isCold)
                EmptyCache();
            ours.Add(SideBySide.Time(() => Check(path, size)));
            if (isCold)
                EmptyCache();
            peer.Add(SideBySide.Time(() => SideBySide.Run("qemu-img", "check", "-f", "qed", path)));
        }

        var row = new Row(size, isCold, SideBySide.Median(ours), SideBySide.Median(peer));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {size / 65536 * 8 >> 20} MiB | {(isCold ? "cold" : "warm")} | {row.Ours:0.000} | {row.Peer:0.000} | {SideBySide.Median(ours.Zip(peer, (a, b) => b / a)):0.0} | {memory >> 20} | {peerMemory >> 20} |"));
        return row;
    }

    private static void Check(string path, long? size)
    {
        CheckResult result = CheckImage.Run(new CheckImageOptions { Path = path });
        if (!result.IsClean || (size is not null && result.AllocatedClusters != size / 65536))
            throw new InvalidOperationException("The check is wrong, so its time means nothing.");
    }

    private static void EmptyCache()
    {
        SideBySide.Run("sync");
        File.WriteAllText(DropCaches, "3");
    }

    /// <summary>The most memory that a process had, as the system counts it.</summary>
    internal static long PeakMemory(string program, params string[] arguments)
    {
        long peak = 0;
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        while (!process.WaitForExit(1))
        {
            process.Refresh();
            try
            {
                peak = Math.Max(peak, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException)
            {
                // It has just ended.
            }
        }

        return peak;
    }

    /// <summary>One line of the table.</summary>
    internal sealed record Row(long Size, bool IsCold, double Ours, double Peer);
}
