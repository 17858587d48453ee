using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.Extensions.Logging;
using Qed.Formats.Qcow2;
using Qed.Formats.Qed;
using Qed.Formats.Raw;
using Qed.Formats.Vdi;
using Qed.Formats.Vhd;
using Qed.Formats.Vhdx;
using Qed.Formats.Vmdk;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>All formats, and which one a file has.</summary>
internal static class FormatRegistry
{
    /// <summary>The format of images that are checked, repaired and written where they lie.</summary>
    public static ImageFormat Qed { get; } = new QedFormat();

    /// <summary>The format of a file that is the guest's bytes and nothing else.</summary>
    public static ImageFormat Raw { get; } = new RawFormat();

    /// <summary>Every format, raw last.</summary>
    public static IReadOnlyList<ImageFormat> All { get; } =
        [Qed, new Qcow2Format(name => ByName(name).QemuName), new VhdxFormat(), new VhdFormat(), new VmdkFormat(), new VdiFormat(), Raw];

    /// <summary>The format of a short name or alias, in any case.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature, naming those that exist.</exception>
    public static ImageFormat ByName(string name)
        => All.FirstOrDefault(format => format.Aliases.Append(format.Name).Contains(name, StringComparer.OrdinalIgnoreCase))
            ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the format '{name}' is not supported")
            {
                Remedy = Remedy.Advice("Supported are: " + string.Join(", ", All.Select(format => format.Name)) + "."),
            };

    /// <summary>The format that a file's name stands for; null where it stands for none.</summary>
    public static ImageFormat? ByExtension(string path)
    {
        string extension = System.IO.Path.GetExtension(path);
        return All.FirstOrDefault(format => format.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>The format of a file by its signature; raw where it has none that is known.</summary>
    /// <param name="storage">The file.</param>
    /// <param name="fallback">When a file without a known signature is a raw disk.</param>
    /// <param name="logger">Receives a warning where the file is a part of an image.</param>
    /// <exception cref="DiskImageException">
    /// ImageNotRecognized where the name stands for a format whose signature is missing: such a file is damaged, not raw.
    /// Also where it has the signatures of two formats, and where nothing tells that it is a raw disk and something has to.
    /// UnsupportedFeature where the signature is that of a format which is not supported.
    /// </exception>
    internal static ImageFormat Probe(BlockStorage storage, RawFallback fallback, ILogger logger)
    {
        var probe = new FileProbe(storage);
        ImageFormat[] matches = All.Where(format => format.Matches(probe)).ToArray();
        if (matches.Length > 0)
            return TheOnlyOne(matches, probe, storage.Path);
        ForeignFormats.Refuse(probe, storage.Path);
        if (ExtentNames.IsFlat(storage.Path))
            Log.FlatDataAlone(logger, storage.Path);
        else if (RefusalAsRaw(probe, storage, fallback) is { } rule)
            throw new DiskImageException(ErrorKind.ImageNotRecognized, rule, storage.Path) { Remedy = new(RemedyKind.SayFormat, Raw.Name, "If it really is a raw image") };
        return Raw;
    }

    /// <summary>
    /// A fixed VHD has its signature at the end and its guest's bytes at the start; in other formats the guest may reach the
    /// end. An ISO 9660 file system leaves its first 32 KiB to anybody. Whoever writes a second signature there must not
    /// choose what the file is taken for.
    /// </summary>
    private static ImageFormat TheOnlyOne(ImageFormat[] matches, FileProbe probe, string path)
    {
        bool isIso = matches.Any(format => format.HasHeader(probe)) && KnownContents.IsIso9660(probe);
        if (matches.Length == 1 && !isIso)
            return matches[0];
        IEnumerable<string> names = matches.Select(format => format.DisplayName).Concat(isIso ? ["ISO 9660 (a raw disk)"] : []);
        throw new DiskImageException(ErrorKind.ImageNotRecognized, "the file has the signatures of more than one format: " + string.Join(" and ", names), path)
        {
            Remedy = new(RemedyKind.SayFormat, null, "If you know what it is"),
        };
    }

    /// <summary>Why a file without a signature is no raw disk; null where it is one.</summary>
    private static string? RefusalAsRaw(FileProbe probe, BlockStorage storage, RawFallback fallback)
    {
        ImageFormat? named = ByExtension(storage.Path);
        if (named is not null && named != Raw)
            return probe.Start.IsEmpty ? "the file is empty" : $"the signature of a {named.DisplayName} image is missing, although the name says it is one";
        bool isRecognised = fallback == RawFallback.Anything || named == Raw || storage.HasFixedLength || KnownContents.AreIn(probe, storage.Path);
        return isRecognised ? null : "neither the name nor the contents say that this is a disk image: it holds no signature of a format, no partitions and no file system";
    }
}
