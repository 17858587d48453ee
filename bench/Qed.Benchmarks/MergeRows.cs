using System;
using System.IO;
using Qed.Operations;
using Qed.Units;

namespace Qed.Benchmarks;

/// <summary>Merging an overlay against qemu-img commit: both then empty it.</summary>
internal static class MergeRows
{
    private const long Size = 512L << 20;
    private const int Cluster = 64 << 10;
    private const int Runs = 5;

    internal static void Run(string folder)
    {
        SideBySide.PrintDurableHeader();
        Row("merge, QED into QED, half of the disk", folder, "qed", isHalfEqual: false);
        Row("merge, QED into QED, half of the disk, of which half is equal", folder, "qed", isHalfEqual: true);
        Row("merge, QED into raw, half of the disk", folder, "raw", isHalfEqual: false);
    }

    private static void Row(string work, string folder, string format, bool isHalfEqual)
    {
        // Elsewhere, since it would rest on the target as well.
        string models = Directory.CreateDirectory(Path.Combine(folder, "models")).FullName;
        string model = Path.Combine(models, "base");
        string target = Path.Combine(folder, "target." + format);
        string overlayModel = Path.Combine(models, "overlay");
        string overlay = Path.Combine(folder, "overlay.qed");
        MakeBase(target, format);
        MakeOverlay(overlay, target, format, isHalfEqual);
        File.Move(target, model);
        File.Move(overlay, overlayModel);
        SideBySide.CompareDurable(
            work,
            Runs,
            () => MergeImage.Run(new MergeImageOptions { Path = overlay }),
            [() => SideBySide.Run("qemu-img", "commit", "-q", "-f", "qed", overlay)],
            target,
            goal: 1.5,
            prepare: () =>
            {
                File.Copy(model, target);
                File.Copy(overlayModel, overlay, overwrite: true);
            },
            peersChangeIt: true);
        File.Delete(model);
        File.Delete(overlayModel);
        File.Delete(overlay);
    }

    private static void MakeBase(string path, string format)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Format = format, Size = Size });
        using Stream bytes = new FileStream(Path.Combine(Path.GetDirectoryName(path)!, "random"), FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 20, FileOptions.DeleteOnClose);
        var random = new Random(1);
        var buffer = new byte[1 << 20];
        for (long done = 0; done < Size; done += buffer.Length)
        {
            random.NextBytes(buffer);
            bytes.Write(buffer);
        }

        bytes.Position = 0;
        using FileStream? raw = format == "raw" ? File.OpenWrite(path) : null;
        if (raw is not null)
            bytes.CopyTo(raw);
        else
            WriteContent.Run(new WriteContentOptions { Path = path, SourceStream = bytes });
    }

    /// <summary>Writes every other cluster.</summary>
    private static void MakeOverlay(string path, string backing, string format, bool isHalfEqual)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = Size, BackingPath = Path.GetFileName(backing), BackingFormat = format });
        using var image = OpenImage.ForWriting(path);
        var random = new Random(2);
        var buffer = new byte[Cluster];
        for (long cluster = 0; cluster < Size / Cluster; cluster += 2)
        {
            var offset = new GuestOffset(cluster * Cluster);
            if (isHalfEqual && cluster % 4 == 0)
                image.Read(offset, buffer);
            else
                random.NextBytes(buffer);
            image.Write(offset, buffer);
        }
    }
}
