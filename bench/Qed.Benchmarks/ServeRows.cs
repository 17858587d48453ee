using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using Qed.Operations;
using Qed.Server;

namespace Qed.Benchmarks;

/// <summary>A live disk over NBD against qemu-nbd on the same image, with fio as the client of both (Debian packages fio and qemu-utils).</summary>
internal static class ServeRows
{
    private const long Size = 8L << 30;
    private const string Range = "1G";
    private const int Runs = 5;

    private static readonly Workload[] Workloads =
    [
        new("read 4k, depth 32", ["--rw=randread", "--bs=4k", "--iodepth=32"], Contents.Filled, 2.5),
        new("read 4k, depth 1", ["--rw=randread", "--bs=4k", "--iodepth=1"], Contents.Filled, 1.4),
        new("write 4k, depth 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], Contents.Filled, 2.3),
        new("write 4k, depth 1", ["--rw=randwrite", "--bs=4k", "--iodepth=1"], Contents.Filled, 1.8),
        new("read 4k, 4 connections", ["--rw=randread", "--bs=4k", "--iodepth=8", "--numjobs=4"], Contents.Filled, 3.5),
        new("70 % read, 4k, a flush every 32", ["--rw=randrw", "--rwmixread=70", "--bs=4k", "--iodepth=32", "--fsync=32"], Contents.Filled, 2.5),
        new("allocating write 4k, depth 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], Contents.Empty, 10),
        new("allocating write 4k over a raw backing file", ["--rw=randwrite", "--bs=4k", "--iodepth=32"], Contents.Overlay, 6),
        new("allocating write 64k in order, depth 8", ["--rw=write", "--bs=64k", "--iodepth=8"], Contents.Empty, 2.2),
        new("allocating write 4k, a flush every 32", ["--rw=randwrite", "--bs=4k", "--iodepth=32", "--fsync=32"], Contents.Empty, 2),
    ];

    private enum Contents
    {
        Filled,
        Empty,
        Overlay,
    }

    /// <summary>Prints one table for the folder.</summary>
    internal static void Run(string folder)
    {
        Console.WriteLine();
        Console.WriteLine("| a live disk over NBD, fio | ours, IOPS | us of processor time | qemu-nbd, IOPS | us | ratio | min..max | goal |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        string filled = MakeFilled(Path.Combine(folder, "filled.qed"));
        foreach (Workload workload in Workloads)
        {
            var rounds = new List<(Result Ours, Result Theirs)>();
            for (int i = 0; i < Runs; i++)
                rounds.Add((Measure(workload, folder, filled, Ours), Measure(workload, folder, filled, Theirs)));
            double[] ratios = [.. rounds.Select(round => round.Ours.Rate / round.Theirs.Rate)];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {workload.Name} | {SideBySide.Median(rounds.Select(round => round.Ours.Rate)):0} | {SideBySide.Median(rounds.Select(round => round.Ours.Microseconds)):0.0} | {SideBySide.Median(rounds.Select(round => round.Theirs.Rate)):0} | {SideBySide.Median(rounds.Select(round => round.Theirs.Microseconds)):0.0} | {SideBySide.Median(ratios):0.00} | {ratios.Min():0.00}..{ratios.Max():0.00} | {workload.Goal:0.0} |"));
        }

        File.Delete(filled);
    }

    private static string MakeFilled(string path)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = Size });
        using var image = OpenImage.ForWriting(path);
        var random = new Random(1);
        byte[] buffer = new byte[1 << 20];
        for (long offset = 0; offset < 1L << 30; offset += buffer.Length)
        {
            random.NextBytes(buffer);
            image.Write(offset, buffer);
        }

        return path;
    }

    /// <summary>Allocating ones get an image of their own each time; the others write what is there.</summary>
    private static Result Measure(Workload workload, string folder, string filled, Func<string, string, Func<Work>, Result> serve)
    {
        string socket = Path.Combine(folder, "socket");
        string image = filled;
        string backing = Path.Combine(folder, "backing.raw");
        if (workload.Contents != Contents.Filled)
        {
            image = Path.Combine(folder, "fresh.qed");
            if (workload.Contents == Contents.Overlay)
                CreateImage.Run(new CreateImageOptions { Path = backing, Format = "raw", Size = Size, Force = true });
            CreateImage.Run(new CreateImageOptions
            {
                Path = image,
                Size = Size,
                Force = true,
                BackingPath = workload.Contents == Contents.Overlay ? backing : null,
                BackingFormat = workload.Contents == Contents.Overlay ? "raw" : null,
            });
        }

        if (OperatingSystem.IsLinux())
            SideBySide.Run("sync");
        Result result = serve(image, socket, () => Fio(workload, socket));
        if (image != filled)
            File.Delete(image);
        File.Delete(backing);
        return result;
    }

    private static Result Ours(string image, string socket, Func<Work> work)
    {
        using var server = new NbdServer(
            [NbdExport.Open(new NbdExportOptions { Path = image })],
            new NbdServerOptions { Address = NbdAddress.Unix(socket), IsPersistent = true, MaximumClients = 8 });
        server.Start();
        using Process self = Process.GetCurrentProcess();
        return Timed(self, work);
    }

    private static Result Theirs(string image, string socket, Func<Work> work)
    {
        using Process server = Process.Start("qemu-nbd", ["-f", "qed", "-k", socket, "-t", "-e", "8", "--cache=writeback", image]);
        while (!File.Exists(socket))
            Thread.Sleep(10);
        Result result = Timed(server, work);
        SideBySide.Run("kill", server.Id.ToString(CultureInfo.InvariantCulture));
        server.WaitForExit();
        File.Delete(socket);
        return result;
    }

    private static Result Timed(Process server, Func<Work> run)
    {
        server.Refresh();
        TimeSpan before = server.TotalProcessorTime;
        Work work = run();
        server.Refresh();
        return new Result(work.Rate, (server.TotalProcessorTime - before).TotalMicroseconds / work.Requests);
    }

    private static Work Fio(Workload workload, string socket)
    {
        // Over all of the disk, so that few writes meet a cluster that another one has allocated.
        bool allocates = workload.Contents != Contents.Filled;
        string[] extent = allocates ? ["--size=8G", "--io_size=256M"] : ["--size=" + Range, "--time_based", "--runtime=2"];
        var start = new ProcessStartInfo("fio", ["--name=x", "--ioengine=nbd", $"--uri=nbd+unix:///?socket={socket}", "--output-format=json", .. extent, .. workload.Arguments])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        using var json = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]);
        var work = default(Work);
        foreach (JsonElement job in json.RootElement.GetProperty("jobs").EnumerateArray())
        {
            foreach (string kind in new[] { "read", "write" })
            {
                JsonElement part = job.GetProperty(kind);
                work = new Work(work.Rate + part.GetProperty("iops").GetDouble(), work.Requests + part.GetProperty("total_ios").GetInt64());
            }
        }

        return work;
    }

    private sealed record Workload(string Name, string[] Arguments, Contents Contents, double Goal);

    /// <summary>What a client has done: requests a second, and how many in all.</summary>
    private readonly record struct Work(double Rate, long Requests);

    /// <summary>What a server has done: requests a second, and how long its processors worked for each.</summary>
    private readonly record struct Result(double Rate, double Microseconds);
}
