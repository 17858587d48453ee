using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Chains;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>The images that rest on those of a merge, and what it would do to them.</summary>
internal sealed class MergeBystanders
{
    private readonly MergeLinks _links;
    // Every image that was found, with the first image of the merge that its chain comes to.
    private readonly List<(string Path, ImageDescription On)> _resting;

    private MergeBystanders(MergeLinks links, List<(string Path, ImageDescription On)> resting) => (_links, _resting) = (links, resting);

    /// <summary>The merged images that can be deleted where that is wanted: from the top down, until another image rests on one.</summary>
    internal IReadOnlyList<ImageDescription> Deletable
        => _links.Fate == MergedOverlay.Deleted ? [.. _links.Above.TakeWhile(link => !_resting.Exists(each => each.On == link))] : [];

    /// <summary>Those that would read differently, or not at all, and what they rest on.</summary>
    private IEnumerable<(string Path, ImageDescription On)> Affected
    {
        get
        {
            // The overlay shows the same as before, so only deleting it does harm; what lies between shows what it rests on.
            bool isDeleted = _links.Fate == MergedOverlay.Deleted;
            return _links.Above.Skip(1).Where(_ => !isDeleted).Select(link => (link.Path, _links.Destination))
                .Concat(_resting.Where(each => isDeleted || each.On != _links.Overlay));
        }
    }

    /// <summary>Looks for them in the folders of all images of the merge, and in further ones.</summary>
    /// <exception cref="DiskImageException">ImageNotFound where a folder does not exist that was asked for.</exception>
    internal static MergeBystanders Find(MergeLinks links, MergeImageOptions options, ILogger logger, CancellationToken cancellation)
    {
        if (options.SearchPaths.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
            throw new DiskImageException(ErrorKind.ImageNotFound, "there is no such folder, which was to be searched for images", missing);
        var known = new Dictionary<FileIdentity, ImageDescription>();
        foreach (ImageDescription link in links.Above.Append(links.Destination))
        {
            if (FileIdentity.Of(link.Path) is { } identity)
                known[identity] = link;
        }

        var search = new RestingImages(known.Keys, logger, cancellation);
        foreach (string folder in known.Values.Select(link => Path.GetDirectoryName(link.Path)!).Distinct(StringComparer.Ordinal))
            search.Search(folder, withSubfolders: false);
        foreach (string folder in options.SearchPaths)
            search.Search(folder, withSubfolders: true);
        return new MergeBystanders(links, [.. search.Found.Select(each => (each.Path, known[each.On]))]);
    }

    /// <summary>Refuses a merge that would do harm.</summary>
    /// <exception cref="DiskImageException">BackingFileRefused, naming the images.</exception>
    internal void RequireNone()
    {
        string[] paths = [.. Affected.Select(each => each.Path)];
        if (paths.Length == 0)
            return;
        throw new DiskImageException(
            ErrorKind.BackingFileRefused, $"other images rest on what the merge changes, and would read differently: {RestingImages.Listed(paths)}", _links.Overlay.Path)
        {
            Remedy = new(RemedyKind.ForceMerge),
        };
    }

    /// <summary>Tells of the harm that was done.</summary>
    internal void Warn(ILogger logger)
    {
        foreach ((string path, ImageDescription on) in Affected)
            Log.RestsOnChanged(logger, path, on.Path);
        if (_links.Fate != MergedOverlay.Deleted)
            return;
        foreach (ImageDescription link in _links.Above.Skip(Deletable.Count))
            Log.KeptForOthers(logger, link.Path, _resting.First(each => _links.Above.Skip(Deletable.Count).Contains(each.On)).Path);
    }
}
