using System;
using System.IO;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>Conversions of a real file system: 12 GiB with what fits of the machine's own files, up to about 4.4 GiB.</summary>
internal static class ConvertRows
{
    internal static void Run(string folder)
    {
        string raw = Path.Combine(folder, "fs.raw");
        FileSystemImage.Make(raw, folder);
        string qed = Path.Combine(folder, "fs.qed");
        string target = Path.Combine(folder, "target");
        ConvertImage.Run(new ConvertImageOptions { Path = raw, DestinationPath = qed });
        Row("raw to QED", raw, "raw", "qed", target);
        Row("QED to raw", qed, "qed", "raw", target);
        File.Delete(raw);
        File.Delete(qed);
    }

    private static void Row(string work, string source, string from, string to, string target)
    {
        SideBySide.Compare(
            work,
            5,
            () => Fresh(target, () => ConvertImage.Run(new ConvertImageOptions { Path = source, SourceFormat = from, DestinationPath = target, Format = to })),
            [
                () => Fresh(target, () => SideBySide.Run("qemu-img", "convert", "-f", from, "-O", to, source, target)),
                () => Fresh(target, () => SideBySide.Run("qemu-img", "convert", "-W", "-m", "16", "-f", from, "-O", to, source, target)),
            ],
            goal: 1.5);
        File.Delete(target);
    }

    private static void Fresh(string target, Action convert)
    {
        File.Delete(target);
        convert();
    }
}
