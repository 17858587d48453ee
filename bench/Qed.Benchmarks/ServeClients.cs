using System;
using System.Diagnostics;
using System.Text.Json;

namespace Qed.Benchmarks;

/// <summary>Who uses a served disk: fio, or nbdcopy.</summary>
internal static class ServeClients
{
    /// <summary>Has a workload done.</summary>
    /// <param name="workload">What to do.</param>
    /// <param name="socket">Where the disk is served.</param>
    /// <param name="data">A file to be written, where that is the work.</param>
    internal static ServeWork Run(ServeWorkload workload, string socket, string data)
    {
        string uri = "nbd+unix:///?socket=" + socket;
        return workload.Client.Length > 0 ? Fio(workload, uri) : Copy(workload, uri, data);
    }

    private static ServeWork Copy(ServeWorkload workload, string uri, string data)
    {
        // Of the same disk both ways: 8 GiB, of which 1 GiB is data.
        string[] arguments = workload.Allocates ? ["--flush", data, uri] : [uri, "null:"];
        double seconds = SideBySide.Time(() => SideBySide.Run("nbdcopy", arguments));
        return new ServeWork((1 << 10) / seconds, 1 << 10);
    }

    private static ServeWork Fio(ServeWorkload workload, string uri)
    {
        // Over all of the disk, so that few writes meet a cluster that another one has allocated.
        string[] extent = workload.Allocates ? ["--size=8G", "--io_size=" + workload.Amount] : ["--size=1G", "--time_based", "--runtime=2"];
        var start = new ProcessStartInfo("fio", ["--name=x", "--ioengine=nbd", "--uri=" + uri, "--output-format=json", .. extent, .. workload.Client])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        using var json = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]);
        var work = default(ServeWork);
        foreach (JsonElement job in json.RootElement.GetProperty("jobs").EnumerateArray())
        {
            foreach (string kind in new[] { "read", "write" })
            {
                JsonElement part = job.GetProperty(kind);
                work = new ServeWork(work.Rate + part.GetProperty("iops").GetDouble(), work.Requests + part.GetProperty("total_ios").GetInt64());
            }
        }

        return work;
    }
}

/// <summary>What a client has done: requests a second, and how many in all; MiB where it copied.</summary>
internal readonly record struct ServeWork(double Rate, long Requests);
