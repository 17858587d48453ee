using System;
using System.IO;
using Qed.Tests.Support;
using Qed.Tool;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>The command under hosts that close its standard streams, give it ones that take nothing, or limit its files.</summary>
public sealed class OddHostTests
{
    private static readonly string Program = typeof(QedCommand).Assembly.Location;

    public static TheoryData<string> ClosedStreams { get; } = [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"];

    [Theory]
    [MemberData(nameof(ClosedStreams))]
    public void Closed_streams_are_like_ones_that_nobody_reads(string closed)
    {
        using var folder = new TempFolder();
        Qemu.Result result = Run(folder, $"{{qed}} create -f qed d.qed 1M {closed} && {{qed}} resize d.qed 2M {closed} && {{qed}} check d.qed {closed}; s=$?; {{qed}} resize none.qed 1M {closed}; echo $s $?; ls");
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["0 1", "d.qed"], lines[^2..]);
        Assert.Equal(!closed.Replace("2>&-", string.Empty, StringComparison.Ordinal).Contains(">&-", StringComparison.Ordinal), lines.Contains("Image resized."));
        string missing = closed.Contains("2>&-", StringComparison.Ordinal) ? string.Empty : $"qed: Could not open '{folder["none.qed"]}': No such file or directory.";
        Assert.Equal(missing, result.Error);
    }

    [Fact]
    public void With_all_streams_closed_nothing_lands_in_the_files_that_take_their_numbers()
    {
        using var folder = new TempFolder();
        Qemu.Result result = Run(folder, "{qed} create -f qed d.qed 1M; for i in 1 2 3; do {qed} resize d.qed +1M <&- >&- 2>&-; echo $?; done; {qed} compare d.qed d.qed <&- >&- 2>&-; echo $?; {qed} check d.qed");
        string[] lines = result.Output.Split('\n');
        Assert.Equal(["0", "0", "0", "0", "No errors were found on the image."], lines[1..6]);
    }

    [Theory]
    [InlineData("info d.qed", "> /dev/full", 1, "qed: standard output: No space left on device")]
    [InlineData("--help", "> /dev/full", 1, "qed: standard output: No space left on device")]
    [InlineData("info d.qed", "1< /dev/null", 1, "qed: standard output: Bad file descriptor")]
    [InlineData("info d.qed", "2> /dev/full", 0, "")]
    [InlineData("info none.qed", "2> /dev/full", 1, "")]
    [InlineData("info none.qed", "2< /dev/null", 1, "")]
    public void Streams_that_take_nothing_end_in_an_exit_code_and_no_crash(string command, string streams, int exitCode, string error)
    {
        using var folder = new TempFolder();
        Qemu.Result result = Run(folder, $"{{qed}} create -f qed d.qed 1M > made; {{qed}} {command} {streams}; echo $?");
        Assert.Equal(exitCode, int.Parse(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], null));
        Assert.Equal(error.Length > 0, result.Error.Length > 0);
        Assert.StartsWith(error, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', result.Error);
    }

    [Theory]
    [InlineData("convert -f raw -O qed r.raw o.img")]
    [InlineData("convert -f raw -O raw r.raw o.img")]
    [InlineData("convert -f raw -O qcow2 r.raw o.img")]
    [InlineData("convert -f raw -O vhdx r.raw o.img")]
    [InlineData("convert -f raw -O vpc -o subformat=fixed r.raw o.img")]
    [InlineData("create -f raw o.img 1T")]
    [InlineData("create -f qed -o cluster_size=64M o.img 1M")]
    public void A_limit_of_file_sizes_is_an_error_and_leaves_nothing(string command)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["r.raw"], Patterns(6 << 20));
        Qemu.Result result = RunLimited(folder, $"{{qed}} {command}; echo $?; ls -A");
        Assert.Equal("1\nr.raw\n", result.Output);
        Assert.Matches("^qed: '.*/o.img': .*file this large.*$", result.Error);
    }

    [Theory]
    [InlineData("base", "qed", "commit -f qed -d top.qed")]
    [InlineData("base", "raw", "commit -f qed -d top.qed")]
    [InlineData("top.qed", "raw", "rebase -f qed -b '' top.qed")]
    public void A_limit_of_file_sizes_stops_a_change_in_place_and_loses_nothing(string grows, string baseFormat, string command)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["r.raw"], Patterns(6 << 20));
        Ok(folder, grows == "base" ? $"create -f {baseFormat} {{d}}/base 6M" : $"convert -f raw -O {baseFormat} {{d}}/r.raw {{d}}/base");
        Ok(folder, $"create -f qed -b base -F {baseFormat} {{d}}/top.qed 6M");
        if (grows == "base")
            Ok(folder, "convert -n -f raw -O qed {d}/r.raw {d}/top.qed");

        Qemu.Result result = RunLimited(folder, $"{{qed}} {command}; echo $?");
        Assert.Equal("1\n", result.Output);
        Assert.Matches($"^qed: '.*/{grows}': .*file this large.*$", result.Error);
        Ok(folder, "compare -f raw -F qed {d}/r.raw {d}/top.qed");
        Assert.NotEqual(2, Invocation.Ours("check -f qed {d}/top.qed", folder.Path).ExitCode);

        Assert.Equal(string.Empty, Run(folder, $"{{qed}} {command}").Error);
        Ok(folder, $"compare -f raw -F {(grows == "base" ? baseFormat : "qed")} {{d}}/r.raw {{d}}/{grows}");
        Ok(folder, "check -f qed {d}/top.qed");
    }

    private static void Ok(TempFolder folder, string line)
    {
        Qemu.Result result = Invocation.Ours(line, folder.Path);
        Assert.Equal((0, string.Empty), (result.ExitCode, result.Error));
    }

    private static byte[] Patterns(int length)
    {
        byte[] bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    /// <summary>With files of two megabytes at most.</summary>
    private static Qemu.Result RunLimited(TempFolder folder, string script)
        // The runtime maps its own code twice, through a file that counts as well.
        => Run(folder, $"ulimit -f 4000; export DOTNET_EnableWriteXorExecute=0; {script}");

    private static Qemu.Result Run(TempFolder folder, string script)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Streams are closed by a POSIX shell");
        // Diagnostics would open sockets and files of their own.
        string line = $"cd '{folder.Path}'; export DOTNET_EnableDiagnostics=0; " + script.Replace("{qed}", $"dotnet exec '{Program}'", StringComparison.Ordinal);
        Qemu.Result result = Qemu.Run("sh", "-c", line);
        return result with { Error = result.Error.TrimEnd() };
    }
}
