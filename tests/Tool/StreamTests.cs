using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>Disks through pipes, as <c>qed convert -O raw disk.vmdk - | ssh ...</c> has them: the data and nothing else.</summary>
public sealed class StreamTests : IDisposable
{
    private const int Size = 5 << 20;

    private readonly TempFolder _folder = new();
    private readonly byte[] _disk = Patterns.Random(Size, 1);

    public StreamTests()
    {
        _disk.AsSpan(1 << 20, 2 << 20).Clear();
        File.WriteAllBytes(_folder["disk.raw"], _disk);
        Assert.Equal(0, Invocation.Ours("convert -f raw -O vmdk {d}/disk.raw {d}/disk.vmdk", _folder.Path).ExitCode);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("convert -p -O raw disk.vmdk -", 0, Size)]
    [InlineData("convert --verbose disk.vmdk -", 0, Size)]
    [InlineData("dd bs=1M skip=1 count=3 if=disk.vmdk of=-", 1 << 20, 3 << 20)]
    [InlineData("convert disk.vmdk /dev/stdout", 0, Size)]
    public void A_raw_disk_goes_to_standard_output(string line, int offset, int length)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || !line.Contains("/dev/", StringComparison.Ordinal), "/dev/stdout is Unix's");
        using Process process = Start(line);
        byte[] output = ReadAll(process.StandardOutput.BaseStream);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.True(_disk.AsSpan(offset, length).SequenceEqual(output), $"{output.Length} bytes");
        Assert.Equal(line.Contains("--verbose", StringComparison.Ordinal), error.Length > 0);
    }

    [Fact]
    public void A_reader_that_goes_away_ends_it_with_one_line()
    {
        using Process process = Start("convert -O raw disk.vmdk -");
        _ = process.StandardOutput.BaseStream.Read(new byte[1000]);
        process.StandardOutput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.Matches(OperatingSystem.IsWindows() ? "^qed: 'standard output': the stream failed: .+\r\n$" : "^qed: 'standard output': the stream failed: Broken pipe\\.\n$", error);
    }

    [Fact]
    public void A_raw_disk_comes_from_standard_input()
    {
        using Process process = Start($"convert -f raw -O qcow2 --source-size {Size} - copy.qcow2", withInput: true);
        process.StandardInput.BaseStream.Write(_disk);
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal((0, string.Empty), (process.ExitCode, error));
        Assert.Contains("identical", Invocation.Ours("compare {d}/disk.raw {d}/copy.qcow2", _folder.Path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_that_breaks_off_leaves_nothing()
    {
        using Process process = Start($"convert -f raw -O qcow2 --source-size {Size} - copy.qcow2", withInput: true);
        process.StandardInput.BaseStream.Write(_disk, 0, Size / 2);
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("ended after 2621440 bytes", error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["copy.qcow2"]));
    }

    [Fact]
    public void A_pipe_of_unknown_length_is_refused_with_a_way_out()
    {
        using Process process = Start("convert -f raw -O qed - copy.qed", withInput: true);
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.Contains("--source-size", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_named_pipe_takes_a_raw_disk_and_gives_one()
    {
        Qemu.Result? made = Qemu.TryRun("mkfifo", [_folder["pipe"]]);
        Assert.SkipUnless(made is { ExitCode: 0 }, "there are no named pipes here");
        using Process writer = Start("convert disk.vmdk pipe");
        using Process reader = Start($"convert -f raw -O qed --source-size {Size} pipe copy.qed");
        await Task.WhenAll(writer.WaitForExitAsync(TestContext.Current.CancellationToken), reader.WaitForExitAsync(TestContext.Current.CancellationToken));
        Assert.Equal((0, 0), (writer.ExitCode, reader.ExitCode));
        Assert.Contains("identical", Invocation.Ours("compare {d}/disk.raw {d}/copy.qed", _folder.Path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_waits_at_a_named_pipe_for_what_is_refused_or_cancelled()
    {
        Qemu.Result? made = Qemu.TryRun("mkfifo", [_folder["pipe"]]);
        Assert.SkipUnless(made is { ExitCode: 0 }, "there are no named pipes here");
        Assert.Contains("cannot be written to a stream", Invocation.Ours("convert -O qcow2 {d}/disk.raw {d}/pipe", _folder.Path).Error, StringComparison.Ordinal);
        Assert.Equal(1, Invocation.Ours("convert -O raw {d}/none.raw {d}/pipe", _folder.Path).ExitCode);
        using var cancelled = new CancellationTokenSource();
        Task<Qemu.Result> waiting = Task.Run(() => Invocation.Ours("convert {d}/disk.vmdk {d}/pipe", _folder.Path, cancellation: cancelled.Token), CancellationToken.None);
        cancelled.CancelAfter(200);
        Assert.Equal(130, (await waiting).ExitCode);
    }

    [Fact]
    public void A_disk_is_not_written_to_a_terminal()
    {
        Qemu.Result ours = Invocation.Ours("convert {d}/disk.vmdk -", _folder.Path, isTerminal: true);
        Assert.Equal((1, string.Empty), (ours.ExitCode, ours.Output));
        Assert.Contains("terminal", ours.Error, StringComparison.Ordinal);
    }

    private Process Start(string line, bool withInput = false)
    {
        var start = new ProcessStartInfo(Invocation.Program[0], [.. Invocation.Program[1..], .. line.Split(' ')])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardInput = withInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return Process.Start(start)!;
    }

    private static byte[] ReadAll(Stream stream)
    {
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }
}
