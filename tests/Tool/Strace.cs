using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Qed.Tool;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Runs the command as a process of its own under strace, which has system calls fail that would succeed.</summary>
internal static class Strace
{
    private static readonly string Program = typeof(QedCommand).Assembly.Location;

    private static readonly Lazy<bool> CanTrace = new(() => Qemu.TryRun("strace", ["-qq", "-o", "/dev/null", "true"]) is { ExitCode: 0 });

    /// <summary>Skips the test, saying why, where nothing can be traced.</summary>
    internal static void Require()
        => Assert.SkipUnless(CanTrace.Value, "strace (Debian package of that name) is not installed, or may trace nothing here");

    /// <summary>Runs a command line, written as for <see cref="Invocation"/>.</summary>
    /// <param name="calls">The system calls that are looked at, by name, with commas between them.</param>
    /// <param name="fault">What happens to them, as strace has it: "error=EIO:when=3".</param>
    /// <param name="line">The command line.</param>
    /// <param name="folder">The folder of the images.</param>
    /// <param name="only">The path that the calls must be about; null for any.</param>
    /// <returns>How it ended, and each of the calls.</returns>
    internal static Traced Run(string calls, string fault, string line, string folder, string? only = null)
    {
        // The kernel sorts out the other calls, which is faster; but then strace delivers no signals.
        string[] sorting = fault.StartsWith("signal", StringComparison.Ordinal) ? [] : ["--seccomp-bpf"];
        return Trace([.. sorting, .. only is null ? (string[])[] : ["-P", only], "-e", "trace=" + calls, "-e", $"inject={calls}:{fault}"], line, folder);
    }

    /// <summary>Runs a command line and records what it does to files, with every byte.</summary>
    /// <param name="line">The command line, as for <see cref="Run"/>.</param>
    /// <param name="folder">The folder of the images.</param>
    internal static Traced Record(string line, string folder)
        => Trace(["--seccomp-bpf", "-xx", "-s", "100000000", "-e", "trace=" + FolderTrace.Calls], line, folder);

    private static Traced Trace(string[] how, string line, string folder)
    {
        using var own = new TempFolder();
        string log = own["log"];
        string[] words = line.Split(' ').Select(word => word.Replace("{d}", folder, StringComparison.Ordinal)).ToArray();
        // Without write-xor-execute: else the runtime sets the length of a file that is no file, and would not start.
        Qemu.Result result = Qemu.Run(
            "strace", ["-f", "-qq", "-y", "-E", "DOTNET_EnableWriteXorExecute=0", "-o", log, .. how, "dotnet", "exec", Program, .. words]);
        return new Traced(result.ExitCode, result.Output, result.Error, WholeCalls(File.ReadAllLines(log)));
    }

    /// <summary>Puts a call together again that was written in two lines because another thread's came between them.</summary>
    private static string[] WholeCalls(string[] lines)
    {
        const string Unfinished = " <unfinished ...>";
        const string Resumed = " resumed>";
        var begun = new Dictionary<string, string>();
        var calls = new List<string>();
        foreach (string line in lines)
        {
            string thread = line[..line.IndexOf(' ', StringComparison.Ordinal)];
            int resumed = line.IndexOf(Resumed, StringComparison.Ordinal);
            if (line.EndsWith(Unfinished, StringComparison.Ordinal))
                begun[thread] = line[..^Unfinished.Length];
            else if (resumed >= 0 && begun.Remove(thread, out string? start))
                calls.Add(start + line[(resumed + Resumed.Length)..]);
            else
                calls.Add(line);
        }

        return [.. calls, .. begun.Values];
    }

    /// <summary>How a command has ended.</summary>
    /// <param name="ExitCode">Its exit code.</param>
    /// <param name="Output">What it wrote.</param>
    /// <param name="Error">What it complained of.</param>
    /// <param name="Calls">The traced calls, a line each.</param>
    internal sealed record Traced(int ExitCode, string Output, string Error, string[] Calls)
    {
        /// <summary>How many calls were made to fail.</summary>
        internal int Injected => Calls.Count(call => call.EndsWith("(INJECTED)", StringComparison.Ordinal));

        /// <summary>Which of its thread's calls, as strace counts them, is the first one that names all of some texts.</summary>
        internal int NumberOf(params string[] texts)
        {
            string found = Calls.First(call => Array.TrueForAll(texts, text => call.Contains(text, StringComparison.Ordinal)));
            string thread = found[..(found.IndexOf(' ', StringComparison.Ordinal) + 1)];
            return Calls.Where(call => call.StartsWith(thread, StringComparison.Ordinal)).ToList().IndexOf(found) + 1;
        }
    }
}
