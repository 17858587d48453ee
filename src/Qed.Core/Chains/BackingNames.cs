using System;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Storage;

namespace Qed.Chains;

/// <summary>
/// Backing file names: what they stand for, which are refused, and how one is stored. A name comes from an untrusted
/// file, so it is a literal path, relative to the image that holds it, and nothing else.
/// </summary>
public static class BackingNames
{
    private static readonly char[] Separators = ['/', '\\'];

    /// <summary>Whether a name is a <c>json:</c> or <c>protocol:</c> form, which is never opened.</summary>
    public static bool IsPseudoProtocol(string name)
    {
        if (name is null)
            throw new ArgumentNullException(nameof(name));
        return StoredName.IsPseudoProtocol(name);
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

    /// <summary>The path of a backing file: of several names the first that leads to a file, else the first that is allowed.</summary>
    /// <param name="reference">The names.</param>
    /// <param name="imagePath">The image that stores them.</param>
    /// <param name="isWanted">
    /// Whether the file is about to be opened. Where it is not, no name that leads to another computer is looked at: asking
    /// Windows for one sends the user's credentials there.
    /// </param>
    /// <exception cref="DiskImageException">BackingFileRefused where no name is allowed.</exception>
    internal static string Resolve(BackingReference reference, string imagePath, bool isWanted)
    {
        if (reference.OtherNames.Count == 0)
            return Resolve(reference.Name, imagePath);
        string[] paths = new[] { reference.Name }.Concat(reference.OtherNames)
            .Where(name => !IsPseudoProtocol(name))
            .Select(name => Resolve(name, imagePath))
            .ToArray();
        return paths.FirstOrDefault(path => (isWanted || !IsRemote(path)) && File.Exists(path)) ?? paths.FirstOrDefault() ?? Resolve(reference.Name, imagePath);
    }

    /// <summary>Throws where a name that is to be stored could not be opened afterwards.</summary>
    /// <exception cref="DiskImageException">BackingFileRefused, as for <see cref="Resolve(string, string)"/>.</exception>
    internal static void RequireStorable(string name, string imagePath)
    {
        try
        {
            Resolve(name, imagePath);
        }
        catch (DiskImageException error) when (error.Remedy is { } remedy)
        {
            throw error.WithRemedy(remedy.ForGivenBacking());
        }
    }

    /// <summary>The path that a stored name stands for.</summary>
    /// <exception cref="DiskImageException">BackingFileRefused for pseudo-protocols and invalid paths.</exception>
    internal static string Resolve(string name, string imagePath)
    {
        if (IsPseudoProtocol(name))
        {
            throw Refused(
                name.StartsWith("json:", StringComparison.OrdinalIgnoreCase)
                    ? $"the backing file name is a json: description, which is not opened: {Shorten(name)}"
                    : $"the backing file name uses the protocol '{name.Substring(0, name.IndexOf(':') + 1)}', which is not opened: {Shorten(name)}",
                imagePath);
        }

        return StoredName.TryResolve(name, imagePath)
            ?? throw Refused($"the backing file name is not a valid path on this system: {Shorten(name)}", imagePath);
    }

    /// <summary>Whether a path leads to another computer, which learns who the user is when it is asked for the file.</summary>
    internal static bool IsRemote(string path) => HostPlatform.IsWindows && path.StartsWith(@"\\", StringComparison.Ordinal);

    private static string Shorten(string name)
    {
        const int Longest = 80;
        return name.Length <= Longest ? name : $"{name.Substring(0, Longest)}...";
    }

    private static DiskImageException Refused(string rule, string path) => new(ErrorKind.BackingFileRefused, rule, path)
    {
        Remedy = new(RemedyKind.StoreBackingName),
    };
}
