using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Storage;

namespace Qed.Chains;

/// <summary>
/// Finds the images in folders that rest on given ones, directly or through others. Of each file the header is read once,
/// however many rest on it; what is no image, or cannot be read, is passed over.
/// </summary>
/// <param name="wanted">The files that others may rest on; they themselves are not found.</param>
/// <param name="logger">Told what could not be looked at.</param>
/// <param name="cancellation">Honoured between files.</param>
internal sealed class RestingImages(ICollection<FileIdentity> wanted, ILogger logger, CancellationToken cancellation)
{
    private const int MostListed = 8;

    private readonly HashSet<FileIdentity> _looked = [];
    // What each file rests on; null where that is nothing.
    private readonly Dictionary<FileIdentity, Link?> _next = [];

    /// <summary>Each image that was found, by its path, with the first of the given files that its chain comes to.</summary>
    internal List<(string Path, FileIdentity On)> Found { get; } = [];

    /// <summary>Paths for a message: the first few, and how many more there are.</summary>
    internal static string Listed(IReadOnlyList<string> paths)
    {
        string more = paths.Count > MostListed ? $" and {Invariant.Text(paths.Count - MostListed)} more" : string.Empty;
        return string.Join(", ", paths.OrderBy(path => path, StringComparer.Ordinal).Take(MostListed).Select(path => $"'{path}'")) + more;
    }

    /// <summary>Looks at all files of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="withSubfolders">Whether at those of the folders in it as well; links to folders are not followed.</param>
    internal void Search(string folder, bool withSubfolders)
    {
        var folders = new Stack<string>([folder]);
        while (folders.Count > 0)
        {
            string next = folders.Pop();
            foreach (string file in Entries(next, Directory.GetFiles))
            {
                cancellation.ThrowIfCancellationRequested();
                LookAt(file);
            }

            foreach (string inner in withSubfolders ? Entries(next, Directory.GetDirectories) : [])
            {
                if (!RealPaths.IsLink(inner))
                    folders.Push(inner);
            }
        }
    }

    private string[] Entries(string folder, Func<string, string[]> list)
    {
        try
        {
            return list(folder);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            Log.FolderNotSearched(logger, folder, StorageErrors.Translate(error, folder).Rule);
            return [];
        }
    }

    private void LookAt(string file)
    {
        // Nothing else in a folder is opened: a pipe would wait for somebody, a device may be anything.
        if (FileTypes.Of(file) != FileType.Regular || FileIdentity.Of(file) is not { } identity)
            return;
        if (_looked.Add(identity) && !wanted.Contains(identity) && FirstBeneath(new Link(file, null, identity)) is { } on)
            Found.Add((file, on));
    }

    /// <summary>The first of the given files that a chain comes to; null where it comes to none.</summary>
    private FileIdentity? FirstBeneath(Link image)
    {
        Link? next = image;
        for (int depth = 0; depth < ImageChain.MaximumDepth && next is not null; depth++)
        {
            next = NextOf(next);
            if (next is not null && wanted.Contains(next.Identity))
                return next.Identity;
        }

        return null;
    }

    private Link? NextOf(Link image)
    {
        if (_next.TryGetValue(image.Identity, out Link? known))
            return known;
        Link? next = null;
        if (ChainHeaders.ReferenceOf(image.Path, image.Format, logger) is { } reference
            && ChainHeaders.PathOf(reference, image.Path, isWanted: false) is { } path
            && !BackingNames.IsRemote(path, image.Path)
            && FileIdentity.Of(path) is { } identity)
        {
            next = new Link(path, reference.Format, identity);
        }

        _next.Add(image.Identity, next);
        return next;
    }

    private sealed record Link(string Path, string? Format, FileIdentity Identity);
}
