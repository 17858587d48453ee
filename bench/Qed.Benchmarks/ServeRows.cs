using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Server;

namespace Qed.Benchmarks;

/// <summary>
/// A live disk over NBD beside qemu-nbd on the same image, and nbdkit on a raw one (Debian packages fio, qemu-utils, nbdkit and
/// libnbd-bin). QED_BENCH_ONLY picks rows by a part of their names, QED_BENCH_RUNS says how often each is measured.
/// </summary>
internal static class ServeRows
{
    private const string Memory = "/dev/shm";

    private static readonly int Runs = int.Parse(Environment.GetEnvironmentVariable("QED_BENCH_RUNS") ?? "5", CultureInfo.InvariantCulture);

    /// <summary>Prints one table, for images in memory and in the folder.</summary>
    internal static void Run(string folder)
    {
        Console.WriteLine();
        Console.WriteLine("| a live disk over NBD | ours, IOPS | us of processor time | peer, IOPS | us | ratio | min..max | goal |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        string only = Environment.GetEnvironmentVariable("QED_BENCH_ONLY") ?? string.Empty;
        string memory = Directory.Exists(Memory) ? Directory.CreateDirectory(Path.Combine(Memory, Path.GetFileName(folder))).FullName : folder;
        try
        {
            // One place after the other, so that no more than one's images are there at a time.
            foreach (IGrouping<bool, ServeWorkload> place in ServeWorkload.All.Where(workload => workload.Name.Contains(only, StringComparison.Ordinal)).GroupBy(workload => workload.IsOnDisk))
            {
                using var images = new ServeImages(place.Key ? folder : memory);
                foreach (ServeWorkload workload in place)
                    Print(workload, images);
            }
        }
        finally
        {
            if (memory != folder)
                Directory.Delete(memory, recursive: true);
        }
    }

    private static void Print(ServeWorkload workload, ServeImages images)
    {
        var rounds = new List<(Result Ours, Result Peer)>();
        for (int i = 0; i < Runs; i++)
            rounds.Add((Ours(workload, images), Peer(workload, images)));
        double[] ratios = [.. rounds.Select(round => round.Ours.Rate / round.Peer.Rate)];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {workload.Name} | {SideBySide.Median(rounds.Select(round => round.Ours.Rate)):0} | {SideBySide.Median(rounds.Select(round => round.Ours.Microseconds)):0.0} | {SideBySide.Median(rounds.Select(round => round.Peer.Rate)):0} | {SideBySide.Median(rounds.Select(round => round.Peer.Microseconds)):0.0} | {SideBySide.Median(ratios):0.00} | {ratios.Min():0.00}..{ratios.Max():0.00} | {workload.Goal:0.0} |"));
    }

    private static Result Ours(ServeWorkload workload, ServeImages images)
    {
        bool isRaw = workload.Contents == ServeContents.Raw;
        var image = new NbdExportOptions { Path = images.For(workload, "qed"), SourceFormat = isRaw ? "raw" : null };
        using var server = new NbdServer([NbdExport.Open(image)], new NbdServerOptions { Address = NbdAddress.Unix(images.Socket), IsPersistent = true, MaximumClients = 8 });
        server.Start();
        using Process self = Process.GetCurrentProcess();
        return Timed(self, workload, images);
    }

    private static Result Peer(ServeWorkload workload, ServeImages images)
    {
        string format = workload.Peer == ServePeer.QemuQcow2 ? "qcow2" : "qed";
        string image = images.For(workload, format);
        using Process server = workload.Peer == ServePeer.NbdkitRaw
            ? Process.Start("nbdkit", ["--foreground", "--unix", images.Socket, "file", image])
            : Process.Start("qemu-nbd", ["-f", format, "-k", images.Socket, "-t", "-e", "8", "--cache=writeback", image]);
        try
        {
            while (!File.Exists(images.Socket) && !server.HasExited)
                Thread.Sleep(10);
            return Timed(server, workload, images);
        }
        finally
        {
            SideBySide.Run("kill", server.Id.ToString(CultureInfo.InvariantCulture));
            server.WaitForExit();
            File.Delete(images.Socket);
        }
    }

    private static Result Timed(Process server, ServeWorkload workload, ServeImages images)
    {
        // Made before, where it is needed at all.
        string data = workload.Client.Length == 0 && workload.Allocates ? images.Data : string.Empty;
        server.Refresh();
        TimeSpan before = server.TotalProcessorTime;
        ServeWork work = ServeClients.Run(workload, images.Socket, data);
        server.Refresh();
        return new Result(work.Rate, (server.TotalProcessorTime - before).TotalMicroseconds / work.Requests);
    }

    /// <summary>What a server has done: requests a second, and how long its processors worked for each.</summary>
    private readonly record struct Result(double Rate, double Microseconds);
}
