using System;
using System.IO;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>Comparisons of a real file system with equal images of the same and of another format.</summary>
internal static class CompareRows
{
    private const int Runs = 9;

    internal static void Run(string folder)
    {
        string raw = Path.Combine(folder, "fs.raw");
        FileSystemImage.Make(raw, folder);
        foreach (string format in new[] { "raw", "qed", "qcow2" })
        {
            string other = Path.Combine(folder, "other." + format);
            ConvertImage.Run(new ConvertImageOptions { Path = raw, SourceFormat = "raw", DestinationPath = other, Format = format });
            Row(raw, other, format);
            File.Delete(other);
        }

        File.Delete(raw);
    }

    private static void Row(string raw, string other, string format)
    {
        var options = new CompareImagesOptions { Path = raw, SourceFormat = "raw", DifferencePath = other, DifferenceFormat = format };
        SideBySide.Compare(
            $"compare raw with an equal {format}",
            Runs,
            () => RequireEqual(CompareImages.Run(options)),
            [() => SideBySide.Run("qemu-img", "compare", "-f", "raw", "-F", format, raw, other)],
            goal: 1.5);
    }

    private static void RequireEqual(CompareResult result)
    {
        if (!result.IsEqual)
            throw new InvalidOperationException("The images differ.");
    }
}
