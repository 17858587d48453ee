using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>What a conversion believes of the system: of the source's holes no more than fits together, of the target only what is on the disk.</summary>
public sealed class SourceTruthTests : IDisposable
{
    private const int Block = 64 << 10;

    private readonly TempFolder _folder = new();
    private readonly byte[] _contents = new byte[32 * Block];

    public SourceTruthTests()
    {
        var random = new Random(1);
        random.NextBytes(_contents.AsSpan(0, 5 * Block));
        random.NextBytes(_contents.AsSpan(20 * Block, 2 * Block));
        using FileStream file = File.Create(_folder["source.raw"]);
        file.Write(_contents.AsSpan(0, 5 * Block));
        file.Position = 20 * Block;
        file.Write(_contents.AsSpan(20 * Block, 2 * Block));
        file.SetLength(_contents.Length);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("error=ENXIO", "", 1)]
    [InlineData("error=EINVAL", "+", 100)]
    [InlineData("retval=1099511627776", "+", 3)]
    public void No_false_answer_about_holes_makes_zeroes_of_data(string answer, string andAfter, int step)
    {
        Strace.Require();
        int most = 0;
        int injected = 1;
        for (int call = 1; injected > 0; call += step)
        {
            File.Delete(_folder["target.raw"]);
            Strace.Traced traced = Strace.Run(
                "lseek", FormattableString.Invariant($"{answer}:when={call}{andAfter}"), "convert --verify -f raw -O raw {d}/source.raw {d}/target.raw", _folder.Path);
            injected = traced.Injected;
            most = Math.Max(most, injected);
            Assert.True(traced.ExitCode == 0, $"call {call}: {traced.Error}");
            Assert.True(File.ReadAllBytes(_folder["target.raw"]).AsSpan().SequenceEqual(_contents), $"data is lost, call {call}");
        }

        Assert.True(most > 0, "no question was answered falsely");
    }

    [Fact]
    public void The_source_is_written_out_before_its_holes_are_asked_for()
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run("fdatasync,lseek", "error=EIO:when=999", "convert -f raw -O raw {d}/source.raw {d}/target.raw", _folder.Path);
        Assert.Equal(0, traced.ExitCode);
        string[] calls = [.. traced.Calls.Where(call => call.Contains(_folder["source.raw"], StringComparison.Ordinal))];
        Assert.Matches(@"\bfdatasync\(", calls[0]);
        Assert.Contains(calls, call => call.Contains("SEEK_HOLE", StringComparison.Ordinal));
    }

    [Fact]
    public void A_source_that_cannot_be_written_out_is_converted_with_a_warning()
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run("fdatasync", "error=EIO", "convert -f raw -O raw {d}/source.raw {d}/target.raw", _folder.Path);
        Assert.Equal((0, 1), (traced.ExitCode, traced.Injected));
        Assert.Contains($"warning: '{_folder["source.raw"]}' has data that the system could not write to its disk (the device reported an I/O error)", traced.Error, StringComparison.Ordinal);
        Assert.Equal(_contents, File.ReadAllBytes(_folder["target.raw"]));
    }

    [Theory]
    [InlineData("qcow2", 1)]
    [InlineData("vmdk -o subformat=monolithicFlat", 2)]
    public void Verifying_has_the_system_forget_the_target_once_it_is_flushed(string target, int files)
    {
        Strace.Require();
        Strace.Traced traced = Strace.Run(
            "fsync,fadvise64,pread64", "error=EIO:when=9999", $"convert --verify -f raw -O {target} {{d}}/source.raw {{d}}/target.img", _folder.Path);
        Assert.Equal(0, traced.ExitCode);
        string[][] each = [.. traced.Calls
            .Select(call => (Name: Regex.Match(call, @"<(\S+?/#\d+)(?: \(deleted\))?>").Groups[1].Value, Call: Regex.Match(call, @"\b(fsync|fadvise64|pread64)\(").Groups[1].Value))
            .Where(call => call.Name.Length > 0)
            .GroupBy(call => call.Name)
            .Select(group => group.Select(call => call.Call).ToArray())];
        Assert.Equal(files, each.Length);
        foreach (string[] calls in each)
        {
            int forgotten = Array.IndexOf(calls, "fadvise64");
            Assert.True(forgotten > 0 && calls[forgotten - 1] == "fsync", string.Join(' ', calls));
            Assert.Contains("pread64", calls.Skip(forgotten));
        }
    }
}
