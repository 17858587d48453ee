using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Interop;

/// <summary>Disks of several sorts, raw and as images of each format: made once, for all that is made of them.</summary>
public sealed class ConversionMatrixDisks : IDisposable
{
    private const int Size = (9 << 20) + 1536;

    private readonly TempFolder _folder = new();
    private readonly HashSet<string> _made = [];

    /// <summary>What the disks are; the last one is made by Linux's own tool.</summary>
    internal static IEnumerable<string> Names
    {
        get
        {
            string[] disks = ["empty", "full", "last sector", "every other cluster"];
            return OperatingSystem.IsLinux() ? [.. disks, "file system"] : disks;
        }
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>The path of a disk as a raw image.</summary>
    internal string Raw(string disk)
    {
        string path = _folder[disk + ".raw"];
        if (_made.Add(path))
            MakeRaw(disk, path);
        return path;
    }

    /// <summary>The path of an image of a disk.</summary>
    internal string Image(string disk, string format)
    {
        string path = _folder[$"{disk}.{format}.image"];
        if (_made.Add(path))
            Convert(Raw(disk), "raw", path, format, Subformat.Dynamic);
        return path;
    }

    /// <summary>Converts and compares.</summary>
    internal static string Convert(string path, string format, string destination, string target, Subformat subformat)
    {
        ConvertImage.Run(new ConvertImageOptions
        {
            Path = path,
            SourceFormat = format,
            DestinationPath = destination,
            Format = target,
            Subformat = subformat,
            Verify = true,
        });
        return destination;
    }

    private void MakeRaw(string disk, string path)
    {
        byte[] bytes = new byte[Size];
        if (disk == "full")
            Patterns.Random(Size, 1).CopyTo(bytes, 0);
        else if (disk == "last sector")
            Patterns.Random(512, 2).CopyTo(bytes, Size - 512);
        else if (disk == "every other cluster")
            foreach (int i in Enumerable.Range(0, Size >> 17))
                Patterns.Random(1 << 16, i).CopyTo(bytes, i << 17);
        File.WriteAllBytes(path, bytes);
        if (disk == "file system" && File.Exists("/usr/sbin/mke2fs"))
        {
            string tree = Directory.CreateDirectory(_folder["tree"]).FullName;
            File.WriteAllBytes(Path.Combine(tree, "file"), Patterns.Random(300_000, 3));
            Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path).ExitCode);
        }
    }
}
