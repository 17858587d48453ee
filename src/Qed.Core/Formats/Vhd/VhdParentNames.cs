using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>The names that a differencing disk has for its parent, several for several systems.</summary>
internal static class VhdParentNames
{
    private const int MostNameBytes = 1 << 16;

    // A relative name moves with the images; the deprecated ones are the last that anybody kept up to date.
    private static readonly VhdPlatform[] Preference =
    [
        VhdPlatform.WindowsRelative, VhdPlatform.WindowsAbsolute, VhdPlatform.MacUrl, VhdPlatform.OldWindowsRelative, VhdPlatform.OldWindowsAbsolute,
    ];

    /// <summary>Reads all names, in the order in which they are tried.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt where a locator breaks a rule, or there is no name at all.</exception>
    internal static BackingReference Read(BlockStorage storage, VhdDynamicHeader header)
    {
        List<string> names = header.Locators
            .Where(locator => Preference.Contains(locator.Platform))
            .OrderBy(locator => Array.IndexOf(Preference, locator.Platform))
            .Select(locator => ForThisSystem(Decode(locator.Platform, ReadBytes(storage, locator))))
            .Append(ForThisSystem(header.ParentName))
            .Where(name => name.Length > 0)
            .ToList();
        if (names.Count == 0)
            throw new DiskImageException(ErrorKind.ImageCorrupt, "a differencing disk names no parent", storage.Path) { Structure = "VHD dynamic disk header" };
        // Absolute names of another machine lead nowhere; the parent is often where the image is.
        names.AddRange(names.Select(LastPart).Where(name => name.Length > 0).ToArray());
        return new BackingReference(names[0], VhdFooter.FormatName) { OtherNames = names.Skip(1).Distinct().Where(name => name != names[0]).ToArray() };
    }

    /// <summary>The name to store for one that is relative to the image: with backslashes, and starting with a dot.</summary>
    internal static string Relative(string name)
    {
        string windows = name.Replace('/', '\\');
        return windows[0] == '.' && windows.IndexOf('\\') is 1 or 2 ? windows : ".\\" + windows;
    }

    /// <summary>The last part of a path of any system.</summary>
    internal static string LastPart(string name) => name.Substring(name.LastIndexOfAny(['/', '\\', ':']) + 1);

    private static byte[] ReadBytes(BlockStorage storage, VhdParentLocator locator)
    {
        bool fits = locator.Space == 0 || locator.Length <= locator.Space * (ulong)VhdFooter.SectorSize;
        if (!fits || locator.Length > MostNameBytes || locator.Offset < 0 || locator.Offset > storage.Length - locator.Length)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "a name of the parent must fit its space, have at most 64 KiB and lie within the file", storage.Path)
            {
                Structure = "VHD parent locator",
                Offset = locator.Offset,
                Value = locator.Length,
            };
        }

        byte[] bytes = new byte[locator.Length];
        storage.ReadOrZero(locator.Offset, bytes);
        return bytes;
    }

    private static string Decode(VhdPlatform platform, byte[] bytes)
    {
        if (platform is VhdPlatform.WindowsRelative or VhdPlatform.WindowsAbsolute)
            return Utf16.Decode(bytes, isBigEndian: false);
        string text = Encoding.UTF8.GetString(bytes);
        int end = text.IndexOf('\0');
        text = end < 0 ? text : text.Substring(0, end);
        return platform == VhdPlatform.MacUrl ? PathOfUrl(text) : text;
    }

    /// <summary>The path of "file://host/path".</summary>
    private static string PathOfUrl(string url)
    {
        const string Scheme = "file://";
        if (!url.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return string.Empty;
        int path = url.IndexOf('/', Scheme.Length);
        return path < 0 ? string.Empty : Uri.UnescapeDataString(url.Substring(path));
    }

    private static string ForThisSystem(string name)
    {
        // Elsewhere a drive's name means nothing: it is kept, to be shown, but no file is found by it.
        bool isOnDrive = name.Length > 1 && name[1] == ':';
        return Path.DirectorySeparatorChar == '\\' || isOnDrive ? name : name.Replace('\\', '/');
    }
}
