using System;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>A file system of two megabytes, mounted in a folder of its own, that a test can fill to the last byte.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Size = 2 << 20;

    private readonly TempFolder _folder = new();
    private readonly string _ballast;

    internal SmallDisk()
    {
        _ballast = this["ballast"];
        try
        {
            Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/mount"), "a small file system is mounted with Linux's mount");
            Qemu.Result mount = Qemu.Run("mount", "-t", "tmpfs", "-o", $"size={Qemu.Text(Size)}", "qed-test", _folder.Path);
            Assert.SkipUnless(mount.ExitCode == 0, "no file system can be mounted here: " + mount.Error.Trim());
        }
        catch
        {
            _folder.Dispose();
            throw;
        }
    }

    internal string Path => _folder.Path;

    internal string this[string name] => _folder[name];

    /// <summary>Takes up all space but a few bytes.</summary>
    internal void Fill(int free = 0)
    {
        using FileStream file = File.Create(_ballast);
        byte[] block = new byte[4096];
        try
        {
            while (new DriveInfo(Path).AvailableFreeSpace > free)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full to the last byte.
        }
    }

    internal void FreeSpace() => File.Delete(_ballast);

    public void Dispose()
    {
        // Lazily: a process that another test is just starting may still hold a copy of our descriptors.
        Qemu.Result unmount = Qemu.Run("umount", "--lazy", _folder.Path);
        Assert.True(unmount.ExitCode == 0, unmount.Error);
        _folder.Dispose();
    }
}
