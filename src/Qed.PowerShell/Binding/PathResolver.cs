using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using Microsoft.PowerShell.Commands;

namespace Qed.PowerShell.Binding;

/// <summary>Turns PowerShell paths, with their drives, providers and wildcards, into paths of the host's file system.</summary>
internal sealed class PathResolver(PathIntrinsics paths)
{
    /// <summary>The files that a path or pattern names, sorted; the folders that a pattern matches as well are left out.</summary>
    /// <param name="path">The path or pattern.</param>
    /// <param name="isFromList">
    /// Whether it came down the pipeline, where lists of names come from: there a file with exactly that name is meant,
    /// whatever a name such as a[1].qed would match as a pattern.
    /// </param>
    /// <exception cref="DiskImageException">ImageNotFound where nothing matches, and as <see cref="ResolveLiteral"/>.</exception>
    internal IEnumerable<string> Resolve(string path, bool isFromList)
    {
        // Whether a plain name exists is for the engine to find out.
        if (!WildcardPattern.ContainsWildcardCharacters(path) && path.IndexOf('`') < 0)
            return [ResolveLiteral(path)];
        // So it is with a path that an object gave, whose provider nobody types.
        if ((isFromList || path.StartsWith(ProviderPath.Prefix, StringComparison.OrdinalIgnoreCase)) && FindLiteral(path) is { } listed)
            return [listed];
        string[] files = Expand(path).Where(file => !Directory.Exists(file)).OrderBy(file => file, StringComparer.OrdinalIgnoreCase).ToArray();
        if (files.Length > 0)
            return files;
        // As a pattern a[1].qed does not even match itself.
        return FindLiteral(path) is { } literal
            ? [literal]
            : throw new DiskImageException(ErrorKind.ImageNotFound, "no file matches the pattern", path)
            {
                Remedy = Remedy.Advice("A name that holds wildcard characters is given with -LiteralPath."),
            };
    }

    /// <summary>The file that a path names, whether or not it exists; wildcard characters mean themselves.</summary>
    /// <exception cref="DiskImageException">ImageNotFound for a missing drive or an impossible path, UnsupportedFeature for a foreign provider.</exception>
    internal string ResolveLiteral(string path) => Guard(path, () =>
    {
        string full = paths.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        RequireFileSystem(provider, path);
        // PowerShell passes \\server\share on as it is, which elsewhere is a name in whatever folder the process runs in.
        if (!Path.IsPathRooted(full))
            throw new DiskImageException(ErrorKind.ImageNotFound, "this is a path of a Windows share, which this system does not open by name", path) { Remedy = Remedy.Advice("Mount the share first.") };
        return full;
    });

    /// <summary>A path in full, without "." and "..".</summary>
    /// <exception cref="DiskImageException">ImageNotFound for one that is impossible here: .NET Framework has errors of its own for those.</exception>
    internal static string FullPath(string path) => Guard(path, () => Path.GetFullPath(path));

    /// <summary>The one file that a parameter names literally.</summary>
    /// <exception cref="DiskImageException">ImageNotFound also where it looks like a pattern and there is no file of that very name; and as <see cref="ResolveLiteral"/>.</exception>
    internal string ResolveSingle(string path, string parameter)
    {
        string full = ResolveLiteral(path);
        if (File.Exists(full) || !WildcardPattern.ContainsWildcardCharacters(path))
            return full;
        throw new DiskImageException(ErrorKind.ImageNotFound, "no such file", full)
        {
            Remedy = Remedy.Advice($"-{parameter} names one file: wildcard characters in it stand for themselves."),
        };
    }

    private string? FindLiteral(string path) => ResolveLiteral(path) is var file && File.Exists(file) ? file : null;

    private IReadOnlyCollection<string> Expand(string pattern) => Guard<IReadOnlyCollection<string>>(pattern, () =>
    {
        try
        {
            IReadOnlyCollection<string> found = paths.GetResolvedProviderPathFromPSPath(pattern, out ProviderInfo provider);
            RequireFileSystem(provider, pattern);
            return found;
        }
        catch (ItemNotFoundException)
        {
            return [];
        }
    });

    private static void RequireFileSystem(ProviderInfo provider, string path)
    {
        if (provider.ImplementingType == typeof(FileSystemProvider))
            return;
        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"this is a path of the provider '{provider.Name}', and images are files", path)
        {
            Remedy = Remedy.Advice("Give a path of the FileSystem provider."),
        };
    }

    private static T Guard<T>(string path, Func<T> resolve)
    {
        try
        {
            return resolve();
        }
        catch (System.Management.Automation.DriveNotFoundException error)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, $"there is no drive of the name '{error.ItemName}'", path, error);
        }
        catch (ProviderNotFoundException error)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"there is no provider of the name '{error.ItemName}'", path, error);
        }
        catch (Exception error) when (error is SessionStateException or ProviderInvocationException or ArgumentException or NotSupportedException or IOException or UnauthorizedAccessException)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, "the path cannot be resolved: " + error.Message.TrimEnd('.'), path, error);
        }
    }
}
