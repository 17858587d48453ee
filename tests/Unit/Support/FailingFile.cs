using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>
/// A file of a file system in user space that fails where it is told to: some ranges cannot be read, as of a disk with bad sectors,
/// or nothing can be written for a while. Its length stays as it is. Skips the test where it cannot be mounted.
/// </summary>
internal sealed class FailingFile : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Process? _server;
    private readonly Process? _mount;

    /// <param name="contents">The file whose bytes it has.</param>
    /// <param name="bad">The ranges that cannot be read, in order, in whole pages of 4096 bytes.</param>
    internal FailingFile(string contents, params (long Offset, long Length)[] bad)
        : this(contents, "ddrescue", folder =>
        {
            File.WriteAllLines(folder["map"], MapOf(new FileInfo(contents).Length, bad));
            return [$"ddrescue-mapfile={folder["map"]}"];
        })
    {
    }

    /// <param name="contents">The file whose bytes it has, and whose bytes change with it.</param>
    /// <param name="error">What writing fails with between <see cref="Fail"/> and <see cref="Heal"/>, by its name.</param>
    internal FailingFile(string contents, string error)
        : this(contents, "error", folder =>
            [$"error={error}", "error-pwrite-rate=100%", "error-zero-rate=100%", "error-trim-rate=100%", $"error-file={folder["failing"]}"])
    {
    }

    private FailingFile(string contents, string filter, Func<TempFolder, string[]> parameters)
    {
        try
        {
            MonoRuntime.RequireClosing();
            Assert.SkipUnless(
                File.Exists("/dev/fuse") && Qemu.TryRun("nbdkit", ["--version"]) is not null && Qemu.TryRun("nbdfuse", ["--version"]) is not null,
                "a failing file needs FUSE, nbdkit and nbdfuse (Debian packages nbdkit, libnbd-bin)");
            Directory.CreateDirectory(_folder["mount"]);
            string socket = _folder["socket"];
            _server = Start("nbdkit", ["--foreground", "--unix", socket, "--filter=" + filter, "file", $"file={contents}", .. parameters(_folder)]);
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

    /// <summary>From here on nothing can be written.</summary>
    internal void Fail() => File.WriteAllText(_folder["failing"], string.Empty);

    /// <summary>From here on it can.</summary>
    internal void Heal() => File.Delete(_folder["failing"]);

    /// <summary>The disk is gone, and the file is not.</summary>
    internal void Vanish()
    {
        _server!.Kill();
        _server.WaitForExit();
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
            if (!_server.HasExited)
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
