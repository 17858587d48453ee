using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>The images that take part in a merge, as their headers describe them.</summary>
/// <param name="Above">What is merged: the overlay, and the images between it and the destination, from the top down.</param>
/// <param name="Destination">What it is merged into.</param>
/// <param name="Fate">What becomes of the overlay.</param>
internal sealed record MergeLinks(IReadOnlyList<ImageDescription> Above, ImageDescription Destination, MergedOverlay Fate)
{
    /// <summary>The image that is merged.</summary>
    internal ImageDescription Overlay => Above[0];

    /// <summary>Finds them, and refuses what headers tell is not possible.</summary>
    /// <exception cref="DiskImageException">
    /// BackingFileMissing where there is nothing to merge into; BackingFileRefused where what was asked for is not part of the
    /// chain; UnsupportedFeature for a format that is not written in place; and what reading the headers throws.
    /// </exception>
    internal static MergeLinks Find(MergeImageOptions options)
    {
        HashSet<FileIdentity>? wanted = options.DestinationPath is { } path ? Candidates(path, options.Path) : null;
        var above = new List<ImageDescription>();
        foreach (ImageDescription link in DescribeImage.RunChain(new DescribeImageOptions { Path = options.Path, SourceFormat = options.SourceFormat }))
        {
            bool isDestination = wanted is null ? above.Count > 0 : FileIdentity.Of(link.Path) is { } identity && wanted.Contains(identity);
            if (isDestination && above.Count > 0)
                return new MergeLinks(above, link, FateOf(options, above)).Required();
            if (isDestination)
                throw new DiskImageException(ErrorKind.BackingFileRefused, "an image is not merged into itself", options.Path);
            above.Add(link);
        }

        throw above.Count == 1 && above[0].BackingPath is null
            ? new DiskImageException(ErrorKind.BackingFileMissing, "the image has no backing file to be merged into", options.Path)
            : new DiskImageException(ErrorKind.BackingFileRefused, $"'{options.DestinationPath}' is not part of the image's backing chain, which is: {string.Join(", ", above.Skip(1).Select(link => $"'{link.Path}'"))}", options.Path);
    }

    private static HashSet<FileIdentity> Candidates(string destination, string overlay)
    {
        var found = new HashSet<FileIdentity>();
        foreach (string path in new[] { destination, Path.Combine(Path.GetDirectoryName(StorageErrors.FullPath(overlay)) ?? string.Empty, destination) })
        {
            if (FileIdentity.Of(path) is { } identity)
                found.Add(identity);
        }

        return found.Count > 0 ? found : throw new DiskImageException(ErrorKind.ImageNotFound, "no such file", destination);
    }

    // Emptied, it would show what lies between, and that reads differently once what lies beneath has changed.
    private static MergedOverlay FateOf(MergeImageOptions options, List<ImageDescription> above)
        => options.Overlay == MergedOverlay.Emptied && above.Count > 1 ? MergedOverlay.Kept : options.Overlay;

    private MergeLinks Required()
    {
        if (!Destination.IsGuestBytes && !Destination.IsChangedInPlace)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"images are merged into QED and raw images, and '{Destination.Path}' is {Destination.Format}", Overlay.Path);
        if (Fate == MergedOverlay.Emptied && !Overlay.IsChangedInPlace)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the image's format is {Overlay.Format}, and only a QED image is emptied after it was merged", Overlay.Path)
            {
                Remedy = new(RemedyKind.KeepOrDeleteMerged),
            };
        }

        return this;
    }
}
