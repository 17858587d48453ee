using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Operations;

namespace Qed.Benchmarks;

/// <summary>Conversions of a real file system between every two formats, and to the compressed targets.</summary>
internal static class ConvertRows
{
    private static readonly int Runs = int.Parse(Environment.GetEnvironmentVariable("QED_BENCH_RUNS") ?? "5", CultureInfo.InvariantCulture);

    /// <summary>Every pair; or with only the two of QED and raw, the rows that are measured by default.</summary>
    internal static void Run(string folder, bool everyPair)
    {
        string raw = Path.Combine(folder, "fs.raw");
        FileSystemImage.Make(raw, folder);
        SideBySide.PrintDurableHeader();
        ImageFormat[] formats = everyPair ? [.. FormatRegistry.All] : [FormatRegistry.ByName("qed"), FormatRegistry.ByName("raw")];
        foreach (ImageFormat source in formats)
        {
            string path = source.Name == "raw" ? raw : Path.Combine(folder, "source." + source.Name);
            if (path != raw)
                ConvertImage.Run(new ConvertImageOptions { Path = raw, SourceFormat = "raw", DestinationPath = path, Format = source.Name });
            foreach (ImageFormat target in formats.Where(target => target != source))
                Row($"{source.DisplayName} to {target.DisplayName}", path, source, target, folder, Subformat.Dynamic, goal: GoalOf(source, target));
            if (everyPair && path == raw)
                CompressedRows(raw, source, folder);
            if (path != raw)
                File.Delete(path);
        }

        File.Delete(raw);
    }

    private static void CompressedRows(string raw, ImageFormat source, string folder)
    {
        foreach (ImageFormat target in FormatRegistry.All.Where(format => format.HasCompression))
        {
            Subformat subformat = target.Subformats.Contains(Subformat.StreamOptimized) ? Subformat.StreamOptimized : Subformat.Dynamic;
            Row($"raw to compressed {target.DisplayName}", raw, source, target, folder, subformat, goal: 2, compress: true);
        }
    }

    private static double GoalOf(ImageFormat source, ImageFormat target)
        => (source.Name, target.Name) is ("raw", "qed") or ("qed", "raw") ? 1.5 : 1;

    private static void Row(
        string work, string source, ImageFormat from, ImageFormat to, string folder, Subformat subformat, double goal, bool compress = false)
    {
        string target = Path.Combine(folder, "target");
        var options = new ConvertImageOptions
        {
            Path = source,
            SourceFormat = from.Name,
            DestinationPath = target,
            Format = to.Name,
            Subformat = subformat,
            Compress = compress && subformat == Subformat.Dynamic,
        };
        string[] peer = ["-f", from.QemuName, "-O", to.QemuName, .. PeerOptions(to, subformat, options.Compress), source, target];
        SideBySide.CompareDurable(
            work,
            // Peers compress for minutes; there the disk's noise does not matter.
            compress ? 1 : Runs,
            () => ConvertImage.Run(options),
            [
                () => SideBySide.Run("qemu-img", ["convert", .. peer]),
                () => SideBySide.Run("qemu-img", ["convert", "-W", "-m", "16", .. peer]),
            ],
            target,
            goal);
    }

    private static IEnumerable<string> PeerOptions(ImageFormat to, Subformat subformat, bool compress)
    {
        if (compress)
            yield return "-c";
        // Without it QEMU rounds a VHD's size to its cylinders.
        string? option = to.QemuName == "vpc" ? "force_size=on" : subformat == Subformat.StreamOptimized ? "subformat=streamOptimized" : null;
        if (option is null)
            yield break;
        yield return "-o";
        yield return option;
    }
}
