using System;
using System.IO;

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
    /// <returns>A relative name with forward slashes, which Windows reads too; the full path where the volumes or shares differ.</returns>
    public static string NameFor(string backingFullPath, string imageFullPath) => NameFor(backingFullPath, imageFullPath, HostPathRules.Current);

    /// <summary>As <see cref="NameFor(string, string)"/>, by the rules of either system.</summary>
    internal static string NameFor(string backingFullPath, string imageFullPath, PathRules rules)
    {
        string image = FullPath(imageFullPath, rules);
        string backing = FullPath(backingFullPath, rules);
        string? name = rules == PathRules.Windows
            ? WindowsPath.Relative(backing, FolderOf(image, rules))
            : WindowsPath.Ascend(NamesOf(FolderOf(image, rules)), NamesOf(backing), StringComparer.Ordinal);
        if (name is null)
            return backingFullPath;
        // A first part with a colon would read as a protocol.
        return IsPseudoProtocol(name) ? "./" + name : name;
    }

    /// <summary>The full path that a name stands for.</summary>
    /// <param name="name">The name.</param>
    /// <param name="imagePath">Full path of the image that stores it.</param>
    /// <param name="fault">Where there is none: what is wrong with it, to follow "the name".</param>
    /// <param name="rules">By which rules; those of this system if not given.</param>
    /// <returns>Null where it is no path of a file: neither Windows' devices nor streams of files are files.</returns>
    internal static string? TryResolve(string name, string imagePath, out string? fault, PathRules? rules = null)
    {
        if ((rules ?? HostPathRules.Current) == PathRules.Windows)
            return WindowsPath.TryResolve(name, FolderOf(FullPath(imagePath, PathRules.Windows), PathRules.Windows), out fault);
        fault = null;
        try
        {
            return Path.GetFullPath(Path.Combine(FolderOf(Path.GetFullPath(imagePath), PathRules.Unix), name));
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException or PathTooLongException)
        {
            fault = "is not a valid path on this system";
            return null;
        }
    }

    private static string FullPath(string path, PathRules rules)
        => rules == PathRules.Unix ? Path.GetFullPath(path) : WindowsPath.TryResolve(path, Environment.CurrentDirectory, out _) ?? path;

    private static string FolderOf(string path, PathRules rules)
        => path.Substring(0, (rules == PathRules.Windows ? path.LastIndexOfAny(Separators) : path.LastIndexOf('/')) + 1);

    private static string[] NamesOf(string path) => path.Split(['/'], StringSplitOptions.RemoveEmptyEntries);
}
