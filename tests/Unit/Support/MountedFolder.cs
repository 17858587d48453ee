using System;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>A folder in which a file system of its own is mounted. Skips the test, saying why, where that cannot be done.</summary>
internal sealed class MountedFolder : IDisposable
{
    private readonly TempFolder _folder = new();

    /// <param name="arguments">What mount is told; the folder comes last.</param>
    internal MountedFolder(params string[] arguments)
    {
        try
        {
            Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/mount"), "a file system is mounted with Linux's mount");
            Qemu.Result mount = Qemu.Run("mount", [.. arguments, _folder.Path]);
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

    public void Dispose()
    {
        // Lazily: a process that another test is just starting may still hold a copy of our descriptors.
        Qemu.Result unmount = Qemu.Run("umount", "--lazy", _folder.Path);
        Assert.True(unmount.ExitCode == 0, unmount.Error);
        _folder.Dispose();
    }
}
