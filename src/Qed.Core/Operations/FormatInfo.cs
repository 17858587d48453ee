using System.Collections.Generic;
using System.Linq;
using Qed.Formats;

namespace Qed.Operations;

/// <summary>What there is to know of a disk image format.</summary>
public sealed record FormatInfo
{
    private FormatInfo(ImageFormat format)
    {
        Name = format.Name;
        Aliases = format.Aliases;
        QemuName = format.QemuName;
        DisplayName = format.DisplayName;
        Extensions = format.Extensions;
        Subformats = format.Subformats;
        HasBackingFiles = format.HasBackingFiles;
        HasClusterSize = format.HasClusterSize;
        HasTableSize = format.HasTableSize;
        IsGuestBytes = format.IsGuestBytes;
        IsChangedInPlace = format.IsChangedInPlace;
    }

    /// <summary>Every format, raw last.</summary>
    public static IReadOnlyList<FormatInfo> All { get; } = FormatRegistry.All.Select(format => new FormatInfo(format)).ToArray();

    /// <summary>The format that this engine knows best: every operation works on it.</summary>
    public static FormatInfo Qed { get; } = Of(FormatRegistry.Qed);

    /// <summary>The guest's bytes as they are.</summary>
    public static FormatInfo Raw { get; } = Of(FormatRegistry.Raw);

    /// <summary>The short name, in lower case, which options take and results tell.</summary>
    public string Name { get; }

    /// <summary>Further short names that mean this format, as other programs write them.</summary>
    public IReadOnlyList<string> Aliases { get; }

    /// <summary>The short name that QEMU knows.</summary>
    public string QemuName { get; }

    /// <summary>The name as people write it.</summary>
    public string DisplayName { get; }

    /// <summary>File name endings that mean this format, with their dot; the usual one first.</summary>
    public IReadOnlyList<string> Extensions { get; }

    /// <summary>The variants that can be written, the default one first.</summary>
    public IReadOnlyList<Subformat> Subformats { get; }

    /// <summary>Whether an image can rest on a backing file.</summary>
    public bool HasBackingFiles { get; }

    /// <summary>Whether a new image's cluster size (block, grain) can be chosen.</summary>
    public bool HasClusterSize { get; }

    /// <summary>Whether a new image's table size can be chosen.</summary>
    public bool HasTableSize { get; }

    /// <summary>Whether an image is the guest's bytes and nothing else, so that nothing but its name can say what it is.</summary>
    public bool IsGuestBytes { get; }

    /// <summary>Whether images are checked, repaired, resized and re-parented where they lie.</summary>
    public bool IsChangedInPlace { get; }

    /// <summary>The format of a short name or alias, in any case.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature, naming those that exist.</exception>
    public static FormatInfo ByName(string name) => Of(FormatRegistry.ByName(name));

    /// <summary>The format that a file's name stands for; null where it stands for none.</summary>
    public static FormatInfo? ByExtension(string path) => FormatRegistry.ByExtension(path) is { } format ? Of(format) : null;

    private static FormatInfo Of(ImageFormat format) => All.First(info => info.Name == format.Name);
}
