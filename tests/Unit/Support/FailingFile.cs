using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>
/// A file of which the system cannot read some ranges: a file system in user space that answers with EIO, as a disk with bad
/// sectors does. Skips the test where it cannot be mounted.
/// </summary>
internal sealed class FailingFile : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Process? _server;
    private readonly Process? _mount;

    /// <param name="contents">The file whose bytes it has.</param>
    /// <param name="bad">The ranges that cannot be read, in order, in whole pages of 4096 bytes.</param>
    internal FailingFile(string contents, params (long Offset, long Length)[] bad)
    {
        try
        {
            Assert.SkipUnless(
                File.Exists("/dev/fuse") && Qemu.TryRun("nbdkit", ["--version"]) is not null && Qemu.TryRun("nbdfuse", ["--version"]) is not null,
                "a failing file needs FUSE, nbdkit and nbdfuse (Debian packages nbdkit, libnbd-bin)");
            File.WriteAllLines(_folder["map"], MapOf(new FileInfo(contents).Length, bad));
            Directory.CreateDirectory(_folder["mount"]);
            string socket = _folder["socket"];
            _server = Start("nbdkit", "--foreground", "--unix", socket, "--filter=ddrescue", "file", $"file={contents}", $"ddrescue-mapfile={_folder["map"]}");
            Await(() => File.Exists(socket));
            _mount = Start("nbdfuse", _folder["mount"] + "/", $"nbd+unix:///?socket={socket}");
            Await(() => File.Exists(Path));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    internal string Path => _folder["mount/nbd"];

    public void Dispose()
    {
        if (_mount is not null)
        {
            Qemu.TryRun("umount", [_folder["mount"]]);
            _mount.WaitForExit();
        }

        if (_server is not null)
        {
            _server.Kill();
            _server.WaitForExit();
        }

        _mount?.Dispose();
        _server?.Dispose();
        _folder.Dispose();
    }

    /// <summary>The map of a rescue as GNU ddrescue writes it: what it has as '+', and bad sectors as '-'.</summary>
    private static IEnumerable<string> MapOf(long length, (long Offset, long Length)[] bad)
    {
        static string Line(long from, long to, char status) => $"0x{from:x} 0x{to - from:x} {status}";

        yield return "0x0 + 1";
        long end = 0;
        foreach ((long from, long size) in bad.Append((length, 0)))
        {
            if (from > end)
                yield return Line(end, from, '+');
            if (size > 0)
                yield return Line(from, from + size, '-');
            end = from + size;
        }
    }

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return process;
    }

    private void Await(Func<bool> condition)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.SkipWhen(_server!.HasExited || _mount is { HasExited: true }, "no file system in user space can be mounted here");
            Assert.True(i < 3000, "the file system in user space did not appear");
            Thread.Sleep(10);
        }
    }
}
