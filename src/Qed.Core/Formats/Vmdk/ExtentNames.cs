using System;
using System.IO;
using System.Text.RegularExpressions;

namespace Qed.Formats.Vmdk;

/// <summary>The names that writers give to extents: that of the descriptor with an ending, so that both are seen to belong together.</summary>
internal static class ExtentNames
{
    private const string Flat = "-flat";
    private const string Extension = ".vmdk";

    // VMware's and QEMU's split disks count from s001 (sparse) or f001 (flat); a number behind "-flat" is ours, for the extent
    // of an image that overwrites one of the same name.
    private static readonly Regex Ending = new(@"\A-(flat(\.[0-9]+)?|[sf][0-9]{3,})\.vmdk\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private static readonly Regex FlatEnding = new(@"-flat(\.[0-9]+)?\.vmdk\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    /// <summary>The name of the flat extent of a descriptor.</summary>
    internal static string FlatOf(string descriptor) => Path.GetFileNameWithoutExtension(descriptor) + Flat + Extension;

    /// <summary>Whether a file's name is that of the guest's bytes as they are, beside a descriptor.</summary>
    internal static bool IsFlat(string path) => FlatEnding.IsMatch(path);

    /// <summary>Whether a name is one that writers give to an extent of this descriptor, and to nothing else.</summary>
    internal static bool IsOf(string descriptor, string name)
    {
        string stem = Path.GetFileNameWithoutExtension(descriptor);
        if (!name.StartsWith(stem, StringComparison.Ordinal))
            return false;
        string ending = name.Substring(stem.Length);
        return Ending.IsMatch(ending);
    }
}
