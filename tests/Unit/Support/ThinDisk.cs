using System;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>
/// A file system that promises more space than there is behind it, as a thin volume that runs out: writing succeeds, and only
/// a flush says that it was in vain. Skips the test, saying why, where none can be made.
/// </summary>
internal sealed class ThinDisk : IDisposable
{
    private const int Promised = 64 << 20;
    private const int There = 6 << 20;

    private readonly MountedFolder _store = new("-t", "tmpfs", "-o", $"size={Qemu.Text(There)}", "qed-test");
    private readonly MountedFolder _folder;

    internal ThinDisk()
    {
        try
        {
            string disk = _store["disk"];
            using (FileStream file = File.Create(disk))
                file.SetLength(Promised);
            Qemu.Result? made = Qemu.TryRun("mkfs.ext4", ["-q", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", disk]);
            Assert.SkipUnless(made is { ExitCode: 0 }, "no ext4 can be made here (Debian package e2fsprogs)");
            _folder = new MountedFolder("-o", "loop", disk);
        }
        catch
        {
            _store.Dispose();
            throw;
        }
    }

    internal string this[string name] => _folder[name];

    /// <summary>What the disk holds.</summary>
    internal string[] Files => Array.FindAll(Directory.GetFileSystemEntries(_folder.Path), entry => Path.GetFileName(entry) != "lost+found");

    public void Dispose()
    {
        _folder.Dispose();
        _store.Dispose();
    }
}
