using System;
using System.IO;
using System.Linq;

namespace Qed;

/// <summary>
/// File names that an image stores. They come from an untrusted file, so each is a literal path, relative to the image,
/// and nothing else.
/// </summary>
public static class StoredName
{
    private static readonly char[] Separators = ['/', '\\'];

    /// <summary>Whether a name is a <c>json:</c> or <c>protocol:</c> form, which is never opened.</summary>
    public static bool IsPseudoProtocol(string name)
    {
        if (name is null)
            throw new ArgumentNullException(nameof(name));
        int end = name.IndexOfAny(['/', '\\', ':']);
        if (end < 0 || name[end] != ':')
            return false;
        bool isDrive = end == 1 && name.Length > 2 && name[2] is '\\' or '/';
        return !(isDrive && char.IsLetter(name[0]));
    }

    /// <summary>The name to store for a backing file: relative to the image's folder, so that both can move together.</summary>
    /// <param name="backingFullPath">Full path of the backing file.</param>
    /// <param name="imageFullPath">Full path of the image that is to rest on it.</param>
    /// <returns>A relative name with forward slashes, which Windows reads too; the full path where the volumes differ.</returns>
    public static string NameFor(string backingFullPath, string imageFullPath)
    {
        string[] target = Path.GetFullPath(backingFullPath).Split(Separators);
        string[] folder = (Path.GetDirectoryName(Path.GetFullPath(imageFullPath)) ?? string.Empty).TrimEnd(Separators).Split(Separators);
        int common = 0;
        while (common < folder.Length && common < target.Length - 1 && folder[common] == target[common])
            common++;
        if (common == 0)
            return backingFullPath;
        string name = string.Join("/", Enumerable.Repeat("..", folder.Length - common).Concat(target.Skip(common)));
        // A first part with a colon would read as a protocol.
        return IsPseudoProtocol(name) ? "./" + name : name;
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
