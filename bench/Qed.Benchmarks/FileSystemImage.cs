using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Qed.Benchmarks;

/// <summary>A real ext4 image of a real folder tree, made by mke2fs.</summary>
internal static class FileSystemImage
{
    // 12 GiB with up to 4.4 GiB of data, unless another size is asked for.
    private static readonly long Size = long.Parse(Environment.GetEnvironmentVariable("QED_BENCH_GIB") ?? "12", CultureInfo.InvariantCulture) << 30;

    internal static void Make(string path, string folder)
    {
        string tree = Directory.CreateDirectory(Path.Combine(folder, "tree")).FullName;
        string from = Environment.GetEnvironmentVariable("QED_BENCH_TREE") ?? "/usr";
        long left = Size / 12 * 44 / 10;
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

        SideBySide.Run("mke2fs", "-q", "-t", "ext4", "-d", tree, path, (Size >> 20).ToString(CultureInfo.InvariantCulture) + "M");
        Directory.Delete(tree, recursive: true);
    }
}
