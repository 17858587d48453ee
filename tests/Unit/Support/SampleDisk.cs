using System;
using System.IO;
using Xunit;

namespace Qed.Tests.Support;

/// <summary>Disks at the extremes of what block-wise formats meet, by a name that says what is special.</summary>
internal static class SampleDisk
{
    private const int MiB = 1 << 20;

    internal static TheoryData<string> Names { get; } = ["empty", "nothing", "full", "last sector", "first sector", "odd size", "every other block", "scattered sectors"];

    internal static byte[] Contents(string name)
    {
        byte[] disk = new byte[name switch
        {
            "nothing" => 0,
            "odd size" => (5 * MiB) + (37 * 512),
            "last sector" => (9 * MiB) + 512,
            _ => 8 * MiB,
        }];
        switch (name)
        {
            case "full":
                Patterns.Random(disk.Length, 1).CopyTo(disk, 0);
                break;
            case "last sector":
                disk.AsSpan(disk.Length - 512).Fill(7);
                break;
            case "first sector":
                disk.AsSpan(0, 512).Fill(8);
                break;
            case "odd size":
                Patterns.Random(700_000, 2).CopyTo(disk, disk.Length - 700_000);
                disk[3 * MiB] = 1;
                break;
            case "every other block":
                for (int i = 0; i < 8; i += 2)
                    Patterns.Random(MiB, 3 + i).CopyTo(disk, i * MiB);
                break;
            case "scattered sectors":
                for (int i = 0; i < disk.Length; i += 77 * 512)
                    disk.AsSpan(i, 512).Fill((byte)((i / 512) | 1));
                break;
        }

        return disk;
    }

    internal static string Write(string path, string name)
    {
        File.WriteAllBytes(path, Contents(name));
        return path;
    }

    /// <summary>Makes a real file system of a few hundred files; skips the test where the tool is missing.</summary>
    internal static void MakeFileSystem(TempFolder folder, string path, string size)
    {
        Assert.SkipUnless(File.Exists("/sbin/mke2fs") || File.Exists("/usr/sbin/mke2fs"), "mke2fs is not installed (Debian package e2fsprogs)");
        string tree = folder["tree"];
        for (int i = 0; i < 200; i++)
        {
            int number = (i * 7919) % 100_003;
            Directory.CreateDirectory(Path.Combine(tree, $"folder{number % 17}"));
            File.WriteAllBytes(Path.Combine(tree, $"folder{number % 17}", $"file{number}"), Patterns.Random(number * 97 % 200_000, number));
        }

        Assert.Equal(0, Qemu.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, path, size).ExitCode);
    }
}
