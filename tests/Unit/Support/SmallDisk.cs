using System;
using System.IO;

namespace Qed.Tests.Support;

/// <summary>A file system of two megabytes, mounted in a folder of its own, that a test can fill to the last byte.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Size = 2 << 20;

    private readonly MountedFolder _folder = new("-t", "tmpfs", "-o", $"size={Qemu.Text(Size)}", "qed-test");
    private readonly string _ballast;

    internal SmallDisk() => _ballast = this["ballast"];

    internal string Path => _folder.Path;

    internal string this[string name] => _folder[name];

    /// <summary>Takes up all space but some, in whole blocks of 4096 bytes.</summary>
    internal void Fill(int free = 0)
    {
        // Nothing is kept back, which would not find room at closing.
        using var file = new FileStream(_ballast, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 1);
        byte[] block = new byte[4096];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full to the last byte.
        }

        file.SetLength(file.Length - free);
    }

    internal void FreeSpace()
    {
        // First its length: a process that is just being started may still hold it open, and with it its space.
        using (FileStream file = File.OpenWrite(_ballast))
            file.SetLength(0);
        File.Delete(_ballast);
    }

    public void Dispose() => _folder.Dispose();
}
