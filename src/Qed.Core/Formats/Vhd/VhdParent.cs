using System;
using System.Collections.Generic;
using System.IO;
using Qed.Images;

namespace Qed.Formats.Vhd;

/// <summary>What a new differencing disk notes of its parent.</summary>
/// <param name="Id">The parent's unique id.</param>
/// <param name="TimeStamp">When the parent's file was last changed; zero where nobody tells.</param>
/// <param name="FileName">Its name without a folder.</param>
/// <param name="Names">The names for the locators.</param>
internal sealed record VhdParent(Guid Id, uint TimeStamp, string FileName, IReadOnlyList<VhdParentName> Names)
{
    /// <summary>Looks at the parent of a new disk.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature where it is no VHD; InvalidSize where it has another size; BackingFileRefused.</exception>
    internal static VhdParent Of(TargetOptions options, BackingReference reference, string path)
    {
        if (options.BackingImage is not IVhdImage parent)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the parent of a VHD must be a VHD, and '{reference.Name}' is not", path)
            {
                Remedy = Remedy.Advice("Convert the parent to VHD first, or choose another format for this image."),
            };
        }

        long size = options.BackingImage.Length;
        if (options.Size != size)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"a VHD must have the size of its parent, or Windows refuses it: {size} bytes, not {options.Size}", path);
        }

        string fullPath = options.BackingImage.Path;
        return new VhdParent(
            parent.Footer.UniqueId, parent.LastWritten ?? 0, Path.GetFileName(fullPath), NamesFor(reference.Name, fullPath, path));
    }

    private static List<VhdParentName> NamesFor(string name, string fullPath, string path)
    {
        Utf16.RequireStorable(fullPath, "VHD", path);
        var names = new List<VhdParentName>();
        if (!Path.IsPathRooted(name))
            names.Add(new VhdParentName(VhdPlatform.WindowsRelative, VhdParentNames.Relative(name)));
        names.Add(new VhdParentName(VhdPlatform.WindowsAbsolute, fullPath.Replace('/', '\\')));
        return names;
    }
}

/// <summary>One name of the parent.</summary>
internal sealed class VhdParentName(VhdPlatform platform, string name)
{
    internal byte[] Bytes { get; } = Utf16.Encode(name, isBigEndian: false);

    /// <summary>The locator for the name, with its room in bytes, as Windows writes it.</summary>
    internal VhdParentLocator LocatorAt(long offset)
        => new(platform, (uint)(BlockLayout.CountFor(Bytes.Length, VhdFooter.SectorSize) * VhdFooter.SectorSize), (uint)Bytes.Length, offset);
}
