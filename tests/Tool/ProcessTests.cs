using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>The command as a process of its own.</summary>
public sealed class ProcessTests
{
    [Fact]
    public void The_demo_runs_through_and_leaves_nothing_behind()
    {
        using var folder = new TempFolder();
        using Process process = Start(folder, "demo");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("Images are identical.", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public void A_signal_ends_a_conversion_and_nothing_half_written_is_left(string signal, int exitCode)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill");
        using var folder = new TempFolder();
        MakeLargeDisk(folder["large.raw"]);
        using Process process = Start(folder, "convert", "--verify", "-O", "qcow2", "-c", "large.raw", "large.qcow2");
        var patience = Stopwatch.StartNew();
        while (!HasBegun(process, folder) && patience.Elapsed < TimeSpan.FromSeconds(30))
            Thread.Sleep(5);
        Qemu.Run("kill", "-" + signal, Qemu.Text(process.Id));
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(exitCode, process.ExitCode);
        Assert.Equal("qed: interrupted\n", error);
        Assert.Equal([folder["large.raw"]], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Whoever_stops_reading_gets_no_complaint()
    {
        using var folder = new TempFolder();
        using Process process = Start(folder, "completions", "bash");
        process.StandardOutput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Empty(error);
    }

    [Fact]
    public void A_file_of_a_name_like_a_protocol_is_named_as_it_can_be_given_again()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "behind a colon Windows names a stream");
        using var folder = new TempFolder();
        Assert.Equal("Formatting 'file:a:b.raw', fmt=raw size=1048576\n", Output(folder, "create", "file:a:b.raw", "1M"));
        Assert.StartsWith("image: ./a:b.raw\n", Output(folder, "info", "file:a:b.raw"), StringComparison.Ordinal);
        Assert.StartsWith("image: ./a:b.raw\n", Output(folder, "info", "./a:b.raw"), StringComparison.Ordinal);
        Assert.Empty(Output(folder, "info", "a:b.raw"));
    }

    [Fact]
    public void Nothing_is_begun_where_the_work_is_cancelled_already()
    {
        using var folder = new TempFolder();
        MakeLargeDisk(folder["large.raw"]);
        Qemu.Result result = Invocation.Ours("convert -O qed {d}/large.raw {d}/n.qed", folder.Path, cancellation: new CancellationToken(canceled: true));
        Assert.Equal(130, result.ExitCode);
        Assert.Equal([folder["large.raw"]], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Progress_is_shown_on_a_terminal_and_nowhere_else()
    {
        using var folder = new TempFolder();
        MakeLargeDisk(folder["large.raw"]);
        Qemu.Result shown = Invocation.Ours("convert -p -O qed {d}/large.raw {d}/n.qed", folder.Path, isTerminal: true);
        Assert.StartsWith("    (0.00/100%)\r", shown.Output, StringComparison.Ordinal);
        Assert.EndsWith("    (100.00/100%)\r\n", shown.Output, StringComparison.Ordinal);
        Assert.Empty(Invocation.Ours("convert -p -O qed {d}/large.raw {d}/n.qed", folder.Path).Output);
        Assert.Empty(Invocation.Ours("convert -pq -O qed {d}/large.raw {d}/n.qed", folder.Path, isTerminal: true).Output);
    }

    /// <summary>Whether a process holds a file in the folder open that is no source: what is being written may have no name yet.</summary>
    private static bool HasBegun(Process process, TempFolder folder)
        => Directory.GetFiles($"/proc/{Qemu.Text(process.Id)}/fd")
            .Select(link => new FileInfo(link).LinkTarget)
            .Any(target => target is not null && target.StartsWith(folder.Path + "/", StringComparison.Ordinal) && target != folder["large.raw"]);

    private static string Output(TempFolder folder, params string[] arguments)
    {
        using Process process = Start(folder, arguments);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    private static Process Start(TempFolder folder, params string[] arguments)
    {
        // A shell may have let its background jobs, and all that they start, ignore the signal.
        string[] program = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT", .. Invocation.Program] : Invocation.Program;
        var start = new ProcessStartInfo(program[0], [.. program[1..], .. arguments])
        {
            WorkingDirectory = folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TMPDIR"] = start.Environment["TMP"] = folder.Path;
        // The runtime's own sockets would lie there.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return Process.Start(start)!;
    }

    private static void MakeLargeDisk(string path)
    {
        byte[] chunk = new byte[1 << 20];
        var random = new Random(1);
        using FileStream file = File.Create(path);
        for (int i = 0; i < 96; i++)
        {
            random.NextBytes(chunk);
            file.Write(chunk);
        }
    }
}
