using System;
using System.IO;
using System.Linq;
using Qed.Images;

namespace Qed.Chains;

/// <summary>
/// Backing file names: what they stand for, and which are refused. A name comes from an untrusted file, so it is a literal
/// path, relative to the image that holds it, and nothing else.
/// </summary>
internal static class BackingNames
{
    /// <summary>The path of a backing file: of several names the first that leads to a file, else the first that is allowed.</summary>
    /// <param name="reference">The names.</param>
    /// <param name="imagePath">The image that stores them.</param>
    /// <param name="isWanted">
    /// Whether the file is about to be opened. Where it is not, no name that leads to another computer is looked at: asking
    /// Windows for one sends the user's credentials there.
    /// </param>
    /// <exception cref="DiskImageException">BackingFileRefused where no name is allowed.</exception>
    internal static string Resolve(BackingReference reference, string imagePath, bool isWanted)
        => Resolve(reference, imagePath, isWanted, File.Exists, HostPathRules.Current);

    /// <summary>As <see cref="Resolve(BackingReference, string, bool)"/>, by the rules of either system.</summary>
    /// <param name="reference">The names.</param>
    /// <param name="imagePath">The image that stores them.</param>
    /// <param name="isWanted">Whether the file is about to be opened.</param>
    /// <param name="exists">Asks the system for a file.</param>
    /// <param name="rules">By which rules.</param>
    internal static string Resolve(BackingReference reference, string imagePath, bool isWanted, Func<string, bool> exists, PathRules rules)
    {
        if (reference.OtherNames.Count == 0)
            return Resolve(reference.Name, imagePath, rules);
        // A name that is refused does not hide a good one; and who finds the file here need not ask another computer for it.
        string[] paths = new[] { reference.Name }.Concat(reference.OtherNames)
            .Where(name => !StoredName.IsPseudoProtocol(name))
            .Select(name => StoredName.TryResolve(name, imagePath, out _, rules))
            .OfType<string>()
            .Where(path => isWanted || !IsRemote(path, imagePath, rules))
            .OrderBy(path => IsRemote(path, imagePath, rules))
            .ToArray();
        return paths.FirstOrDefault(exists) ?? paths.FirstOrDefault() ?? Resolve(reference.Name, imagePath, rules);
    }

    /// <summary>Throws where a name that is to be stored could not be opened afterwards.</summary>
    /// <exception cref="DiskImageException">BackingFileRefused, as for <see cref="Resolve(string, string, PathRules?)"/>.</exception>
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
    /// <param name="name">The name.</param>
    /// <param name="imagePath">The image that stores it.</param>
    /// <param name="rules">By which rules; those of this system if not given.</param>
    /// <exception cref="DiskImageException">BackingFileRefused for pseudo-protocols, devices of Windows and invalid paths.</exception>
    internal static string Resolve(string name, string imagePath, PathRules? rules = null)
    {
        if (StoredName.IsPseudoProtocol(name))
        {
            throw Refused(
                name.StartsWith("json:", StringComparison.OrdinalIgnoreCase)
                    ? $"the backing file name is a json: description, which is not opened: {Shorten(name)}"
                    : $"the backing file name uses the protocol '{name.Substring(0, name.IndexOf(':') + 1)}', which is not opened: {Shorten(name)}",
                imagePath);
        }

        return StoredName.TryResolve(name, imagePath, out string? fault, rules)
            ?? throw Refused($"the backing file name {fault}: {Shorten(name)}", imagePath);
    }

    /// <summary>Whether a path leads to another computer than the image's own, which learns who the user is when it is asked for the file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="imagePath">The image that names it.</param>
    /// <param name="rules">By which rules; those of this system if not given.</param>
    internal static bool IsRemote(string path, string imagePath, PathRules? rules = null)
        => (rules ?? HostPathRules.Current) == PathRules.Windows
            && WindowsPath.ServerOf(path) is { } server
            && !string.Equals(server, WindowsPath.ServerOf(imagePath), StringComparison.OrdinalIgnoreCase);

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
