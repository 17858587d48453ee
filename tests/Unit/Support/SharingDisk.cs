using System;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>An XFS file system, whose files can share blocks. Skips the test where none can be made.</summary>
internal sealed class SharingDisk : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly MountedFolder _mounted;

    internal SharingDisk()
    {
        try
        {
            string image = _folder["disk"];
            using (FileStream file = File.Create(image))
                file.SetLength(1L << 30);
            Qemu.Result? made = Qemu.TryRun("mkfs.xfs", ["-q", "-m", "reflink=1", image]);
            Assert.SkipUnless(made is { ExitCode: 0 }, "no XFS can be made here (Debian package xfsprogs)");
            _mounted = new MountedFolder("-o", "loop", image);
        }
        catch
        {
            _folder.Dispose();
            throw;
        }
    }

    internal string this[string name] => _mounted[name];

    /// <summary>Bytes that are not taken.</summary>
    internal long Free => new DriveInfo(_mounted.Path).AvailableFreeSpace;

    public void Dispose()
    {
        _mounted.Dispose();
        _folder.Dispose();
    }
}
