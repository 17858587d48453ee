using System;
using System.IO;
using System.Linq;

namespace Qed.Benchmarks;

/// <summary>A real ext4 image of a real folder tree, made by mke2fs.</summary>
internal static class FileSystemImage
{
    private const long WantedBytes = 4_400L << 20;
    private const string Size = "12G";

    internal static void Make(string path, string folder)
    {
        string tree = Directory.CreateDirectory(Path.Combine(folder, "tree")).FullName;
        string from = Environment.GetEnvironmentVariable("QED_BENCH_TREE") ?? "/usr";
        long left = WantedBytes;
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        foreach (FileInfo file in new DirectoryInfo(from).EnumerateFiles("*", options).OrderBy(file => file.FullName, StringComparer.Ordinal))
        {
            if (file.Length > left)
                continue;
            string copy = Path.Combine(tree, Path.GetRelativePath(from, file.FullName));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            file.CopyTo(copy);
            left -= file.Length;
        }

        SideBySide.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, path, Size);
        Directory.Delete(tree, recursive: true);
    }
}
