using System;
using System.IO;

namespace Qed.Images;

/// <summary>
/// File names that an image stores. They come from an untrusted file, so each is a literal path, relative to the image,
/// and nothing else.
/// </summary>
internal static class StoredName
{
    /// <summary>Whether a name is a <c>json:</c> or <c>protocol:</c> form, which is never opened.</summary>
    internal static bool IsPseudoProtocol(string name)
    {
        int end = name.IndexOfAny(['/', '\\', ':']);
        if (end < 0 || name[end] != ':')
            return false;
        bool isDrive = end == 1 && name.Length > 2 && name[2] is '\\' or '/';
        return !(isDrive && char.IsLetter(name[0]));
    }

    /// <summary>The full path that a name stands for; null where it is no path on this system.</summary>
    internal static string? TryResolve(string name, string imagePath)
    {
        try
        {
            return Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(imagePath))!, name));
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException or PathTooLongException)
        {
            return null;
        }
    }
}
