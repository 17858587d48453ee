using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>
/// A run that is killed, or failed by the system, at any call that changes names leaves the old image or the new one, whole, and
/// nothing besides that the next run would not remove.
/// </summary>
public sealed class KilledRunTests : IDisposable
{
    private const int Killed = 128 + 9;

    // The calls of a row are one and the same on different processors.
    private static readonly string[] Naming = ["fsync", "linkat", "rename,renameat,renameat2", "unlink,unlinkat"];

    private readonly TempFolder _folder = new();
    private readonly byte[] _old = new byte[3 << 20];
    private readonly byte[] _new = new byte[1 << 20];

    public KilledRunTests()
    {
        Qemu.Require();
        Strace.Require();
        new Random(1).NextBytes(_old);
        new Random(2).NextBytes(_new);
        File.WriteAllBytes(_folder["old.raw"], _old);
        File.WriteAllBytes(_folder["new.raw"], _new);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("signal=SIGKILL")]
    [InlineData("error=EIO")]
    public void An_image_of_several_files_is_the_old_one_or_the_new_one_at_every_call(string fault)
    {
        int reached = 0;
        foreach (string call in EveryCall("convert -f raw -O vmdk -o subformat=monolithicFlat {d}/new.raw {d}/o.vmdk", fault, MakeOld))
        {
            // Whatever remains of the other one, this one is read by QEMU without a word.
            bool isOld = Reads("old.raw");
            Assert.True(isOld || Reads("new.raw"), $"{fault} at {call}: {string.Join(' ', Files())}");
            reached |= isOld ? 1 : 2;
            Assert.Equal(0, Invocation.Ours("convert -f raw -O vmdk -o subformat=monolithicFlat {d}/new.raw {d}/o.vmdk", _folder.Path).ExitCode);
            Assert.True(Reads("new.raw"));
        }

        Assert.Equal(1 | 2, reached);
    }

    [Fact]
    public void A_new_image_leaves_nothing_but_itself()
    {
        int whole = 0;
        foreach (string call in EveryCall("convert -f raw -O qcow2 {d}/new.raw {d}/n.qcow2", "signal=SIGKILL", () => File.Delete(_folder["n.qcow2"])))
        {
            string[] files = Files();
            if (files.Contains("n.qcow2"))
            {
                Qemu.AssertSame("qcow2", _folder["new.raw"], _folder["n.qcow2"]);
                whole++;
            }

            Assert.True(files.All(name => name is "old.raw" or "new.raw" or "n.qcow2"), $"{call}: {string.Join(' ', files)}");
        }

        Assert.True(whole > 0, "the last flush comes after the name");
    }

    [Fact]
    public void What_a_killed_run_has_left_is_removed_by_the_next_one()
    {
        const string Line = "convert -f raw -O qcow2 {d}/new.raw {d}/n.qcow2";
        Qemu.ImgOk("convert", "-f", "raw", "-O", "qcow2", _folder["old.raw"], _folder["n.qcow2"]);
        Assert.Equal(Killed, Strace.Run("rename,renameat,renameat2", "signal=SIGKILL:when=1", Line, _folder.Path).ExitCode);
        // A file has to have a name to take another's place.
        Assert.Contains("n.qcow2.00000000.partial", Files());
        Qemu.AssertSame("qcow2", _folder["old.raw"], _folder["n.qcow2"]);
        Assert.Equal(0, Invocation.Ours(Line, _folder.Path).ExitCode);
        Assert.Equal(["n.qcow2", "new.raw", "old.raw"], Files());
        Qemu.AssertSame("qcow2", _folder["new.raw"], _folder["n.qcow2"]);
    }

    [Fact]
    public void Where_files_need_names_one_that_is_left_over_is_named_and_removed()
    {
        // The first opening of the folder is for a file without a name.
        const string Line = "create -f qed {d}/n.qed 1M";
        const string NoSuchThing = "error=EOPNOTSUPP:when=1";
        File.WriteAllText(_folder["n.qed.01234567.partial"], "left");
        File.WriteAllText(_folder["n.qed"], "old");
        File.SetUnixFileMode(_folder["n.qed"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Strace.Traced traced = Strace.Run("openat", NoSuchThing, Line, _folder.Path, only: _folder.Path);
        Assert.Equal((0, 1), (traced.ExitCode, traced.Injected));
        Assert.Contains("n.qed.01234567.partial", traced.Error, StringComparison.Ordinal);
        Assert.Equal(["n.qed", "new.raw", "old.raw"], Files());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["n.qed"]));
        Assert.Equal(0, Qemu.Img("check", "-f", "qed", _folder["n.qed"]).ExitCode);
    }

    [Theory]
    [InlineData("openat", "error=EOPNOTSUPP:when=1")]
    [InlineData("openat", "error=EOPNOTSUPP:when=65535")]
    public void A_file_that_replaces_a_private_one_is_private_from_its_creation(string calls, string fault)
    {
        File.WriteAllText(_folder["n.qed"], "old");
        File.SetUnixFileMode(_folder["n.qed"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Strace.Traced traced = Strace.Run(calls, fault, "convert -f raw -O qed {d}/new.raw {d}/n.qed", _folder.Path);
        Assert.Equal(0, traced.ExitCode);
        string[] created = [.. traced.Calls.Where(call => call.Contains(_folder.Path, StringComparison.Ordinal)
            && (call.Contains("O_TMPFILE", StringComparison.Ordinal) || call.Contains("O_CREAT", StringComparison.Ordinal)))];
        Assert.NotEmpty(created);
        Assert.All(created, call => Assert.Contains(", 0600)", call, StringComparison.Ordinal));
    }

    /// <summary>Runs a command line again and again, failing another one of its calls each time, until it has none left.</summary>
    /// <returns>After each run, which call it was.</returns>
    private IEnumerable<string> EveryCall(string line, string fault, Action prepare)
    {
        const int Most = 20;
        foreach (string calls in Naming)
        {
            for (int number = 1; ; number++)
            {
                Assert.True(number < Most, "there are more calls than this test looks at");
                prepare();
                string when = number.ToString(CultureInfo.InvariantCulture);
                Strace.Traced traced = Strace.Run(calls, $"{fault}:when={when}", line, _folder.Path);
                if (traced.ExitCode != Killed && traced.Injected == 0)
                {
                    Assert.Equal(0, traced.ExitCode);
                    break;
                }

                yield return $"{calls} {when}";
            }
        }
    }

    private void MakeOld()
    {
        foreach (string file in Directory.GetFiles(_folder.Path, "o*.vmdk"))
            File.Delete(file);
        Assert.Equal(0, Invocation.Ours("convert -f raw -O vmdk -o subformat=monolithicFlat {d}/old.raw {d}/o.vmdk", _folder.Path).ExitCode);
    }

    private bool Reads(string raw)
    {
        Qemu.Result result = Qemu.Img("compare", "-f", "raw", "-F", "vmdk", _folder[raw], _folder["o.vmdk"]);
        return result.ExitCode == 0 && !(result.Output + result.Error).Contains("mismatch", StringComparison.Ordinal);
    }

    private string[] Files() => [.. Directory.GetFiles(_folder.Path).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
