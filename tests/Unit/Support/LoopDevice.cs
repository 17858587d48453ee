using System;
using System.IO;
using System.Linq;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>A block device of a test's own, over a file in a folder of its own. Skips the test, saying why, where there can be none.</summary>
internal sealed class LoopDevice : IDisposable
{
    private readonly TempFolder _folder = new();

    /// <param name="size">Bytes of the device.</param>
    /// <param name="sectorSize">Bytes of its sectors.</param>
    /// <param name="isReadOnly">Whether it takes no writes.</param>
    /// <param name="filler">What all of it is filled with.</param>
    internal LoopDevice(long size, int sectorSize = 512, bool isReadOnly = false, byte filler = 0x5a)
    {
        try
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "loop devices are Linux's");
            MonoRuntime.RequireClosing();
            using (FileStream file = File.Create(Content))
            {
                byte[] block = Enumerable.Repeat(filler, 1 << 20).ToArray();
                for (long done = 0; done < size; done += block.Length)
                    file.Write(block.AsSpan(0, (int)Math.Min(block.Length, size - done)));
            }

            // Two that look for a free device at a time open each other's, which is in use then for a moment.
            string[] arguments = ["/dev/loop-control", "losetup", "--find", "--show", "--sector-size", Qemu.Text(sectorSize), .. isReadOnly ? (string[])["--read-only"] : [], Content];
            Qemu.Result? made = Qemu.TryRun("flock", arguments);
            Assert.SkipUnless(made is { ExitCode: 0 }, "no loop device can be set up here: " + made?.Error.Trim());
            Path = made!.Output.Trim();
        }
        catch
        {
            _folder.Dispose();
            throw;
        }
    }

    /// <summary>The node of the device.</summary>
    internal string Path { get; }

    /// <summary>The file that holds its bytes.</summary>
    internal string Content => _folder["content"];

    /// <summary>Changes the length of the device, as a volume's is changed.</summary>
    internal void Resize(long size)
    {
        using (FileStream file = File.OpenWrite(Content))
            file.SetLength(size);
        Qemu.Result result = Qemu.Run("losetup", "--set-capacity", Path);
        Assert.True(result.ExitCode == 0, result.Error);
    }

    /// <summary>Fails the test unless the node still is a block device.</summary>
    internal void AssertIsDevice()
    {
        Qemu.Result result = Qemu.Run("stat", "--format", "%F", Path);
        Assert.Equal("block special file", result.Output.Trim());
    }

    /// <summary>All bytes of the device, as the device itself gives them.</summary>
    internal byte[] Bytes()
    {
        using FileStream file = new(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[new FileInfo(Content).Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    public void Dispose()
    {
        Qemu.Result result = Qemu.Run("losetup", "--detach", Path);
        _folder.Dispose();
        Assert.True(result.ExitCode == 0, result.Error);
    }
}
