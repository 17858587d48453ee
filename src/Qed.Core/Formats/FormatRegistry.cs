using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Formats.Qcow2;
using Qed.Formats.Qed;
using Qed.Formats.Raw;
using Qed.Formats.Vhdx;
using Qed.Formats.Vmdk;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>All formats, and which one a file has.</summary>
public static class FormatRegistry
{
    private static readonly RawFormat RawFormat = new();

    // Images of formats that are not supported would pass for raw ones and be copied as garbage.
    private static readonly (string Name, int Offset, byte[] Magic)[] ForeignSignatures =
    [
        ("VHD", 0, "conectix"u8.ToArray()),
        ("VDI", 0x40, [0x7f, 0x10, 0xda, 0xbe]),
    ];

    /// <summary>Every format, raw last.</summary>
    public static IReadOnlyList<ImageFormat> All { get; } = [new QedFormat(), new Qcow2Format(), new VmdkFormat(), new VhdxFormat(), RawFormat];

    /// <summary>The format of a short name, in any case.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature, naming those that exist.</exception>
    public static ImageFormat ByName(string name)
        => All.FirstOrDefault(format => string.Equals(format.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the format '{name}' is not supported")
            {
                Hint = "Supported are: " + string.Join(", ", All.Select(format => format.Name)) + ".",
            };

    /// <summary>The format that a file's name stands for; null where it stands for none.</summary>
    public static ImageFormat? ByExtension(string path)
    {
        string extension = System.IO.Path.GetExtension(path);
        return All.FirstOrDefault(format => format.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>The format of a file by its signature; raw where it has none that is known.</summary>
    /// <exception cref="DiskImageException">
    /// ImageNotRecognized where the name stands for a format whose signature is missing: such a file is damaged, not raw.
    /// UnsupportedFeature where the signature is that of a format which is not supported.
    /// </exception>
    internal static ImageFormat Probe(BlockStorage storage)
    {
        var probe = new FileProbe(storage);
        foreach (ImageFormat format in All)
        {
            if (format.Matches(probe))
                return format;
        }

        foreach ((string name, int offset, byte[] magic) in ForeignSignatures)
        {
            if (probe.StartHas(offset, magic))
                throw new DiskImageException(ErrorKind.UnsupportedFeature, $"this is a {name} image, a format that is not supported", storage.Path);
        }

        if (ByExtension(storage.Path) is { } named && named != RawFormat)
        {
            throw new DiskImageException(
                ErrorKind.ImageNotRecognized,
                probe.Start.IsEmpty ? "the file is empty" : $"the signature of a {named.DisplayName} image is missing, although the name says it is one",
                storage.Path)
            {
                Hint = "If it really is a raw image, say so with -SourceFormat raw.",
            };
        }

        return RawFormat;
    }
}
