using System;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;

namespace Qed.Tests.Formats.Vmdk;

/// <summary>Disks to convert, and short ways to convert them.</summary>
internal static class VmdkDisks
{
    internal const int MiB = 1 << 20;

    /// <summary>A disk of a kind that tends to go wrong.</summary>
    internal static byte[] Make(string kind)
    {
        switch (kind)
        {
            case "empty":
                return new byte[3 * MiB];
            case "full":
                return Patterns.Random(3 * MiB, 1);
            case "one last sector":
                byte[] last = new byte[(40 * MiB) + 512];
                Patterns.Random(512, 2).CopyTo(last, 40 * MiB);
                return last;
            case "odd size":
                byte[] odd = new byte[(2 * MiB) + (17 * 512)];
                Patterns.Random(400_000, 3).CopyTo(odd, odd.Length - 400_000);
                return odd;
            case "one sector":
                return Patterns.Random(512, 4);
            case "every other grain":
                byte[] striped = new byte[34 * MiB];
                for (int i = 0; i < striped.Length; i += 131072)
                    striped.AsSpan(i, 65536).Fill((byte)(1 + (i >> 17)));
                return striped;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }

    internal static string WriteRaw(TempFolder folder, string name, byte[] disk)
    {
        File.WriteAllBytes(folder[name], disk);
        return folder[name];
    }

    /// <summary>Converts with verification.</summary>
    internal static ImageDescription Convert(string source, string target, Subformat subformat = Subformat.Dynamic, long? grain = null, bool compress = false, string? backing = null)
        => ConvertImage.Run(new ConvertImageOptions
        {
            Path = source,
            DestinationPath = target,
            Subformat = subformat,
            ClusterSize = grain,
            Compress = compress,
            BackingPath = backing,
            Verify = true,
        }).Target;
}
