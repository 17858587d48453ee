using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Chains;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;

namespace Qed.Operations;

/// <summary>The files of a source that is to be deleted once its copy was verified.</summary>
internal static class SourceFiles
{
    /// <summary>Refuses, before anything is done, to delete what is no file or what another image still needs.</summary>
    /// <param name="files">The files of the source.</param>
    /// <param name="beneath">What the source rests on; null where that is nothing.</param>
    /// <param name="baseline">The backing image of the target; null where it has none.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature, BackingFileRefused.</exception>
    internal static void RequireDeletable(IReadOnlyList<string> files, DiskImage? beneath, DiskImage? baseline)
    {
        foreach (string file in files)
        {
            // Only the node in the file system would go, and nothing of the data.
            if (FileTypes.Of(file) == FileType.BlockDevice)
                throw new DiskImageException(ErrorKind.UnsupportedFeature, "the source is to be deleted, but it is a block device", file) { Remedy = new(RemedyKind.KeepSource) };
            if (FileIdentity.Of(file) is not { } identity)
                continue;
            // A target that rests on the source holds only what differs from it: without the source it is nothing.
            if (TargetFile.HasLink(baseline, identity))
                throw Refused("the source is to be deleted, but the target would rest on it", file, RemedyKind.KeepSourceOrRestElsewhere);
            if (TargetFile.HasLink(beneath, identity))
                throw Refused("the source is to be deleted, but the image that it rests on has this file as well", file, RemedyKind.KeepSource);
        }
    }

    /// <summary>Refuses, before anything is done, to delete what another image in the folders of these files rests on.</summary>
    /// <param name="files">The files of the source.</param>
    /// <param name="logger">Told which folders could not be searched.</param>
    /// <param name="cancellation">Honoured between the files that are looked at.</param>
    /// <exception cref="DiskImageException">BackingFileRefused, naming the images.</exception>
    internal static void RequireNoneRests(IReadOnlyList<string> files, ILogger logger, CancellationToken cancellation)
    {
        FileIdentity[] wanted = [.. files.Select(FileIdentity.Of).OfType<FileIdentity>()];
        var search = new RestingImages(wanted, logger, cancellation);
        foreach (string folder in files.SelectMany(FoldersOf).Distinct(StringComparer.Ordinal))
            search.Search(folder, withSubfolders: false);
        if (search.Found.Count > 0)
            throw Refused($"the source is to be deleted, but other images rest on it: {RestingImages.Listed(search.Found.ConvertAll(found => found.Path))}", files[0], RemedyKind.KeepSource);
    }

    /// <summary>Deletes all files of an image.</summary>
    /// <param name="files">Its own file first, then those that it names.</param>
    /// <param name="tell">Told of each that is gone.</param>
    /// <exception cref="DiskImageException">The system refuses to delete one of them; that one and those behind it are left.</exception>
    internal static void Delete(IReadOnlyList<string> files, Action<string> tell)
    {
        // The file that names the others goes first. Should a later one fail, nobody finds an image that opens and lacks a
        // part of its data; and what is left is data that is whole, only without a name for it. Should the first one
        // fail, the source is as it was.
        for (int i = 0; i < files.Count; i++)
        {
            try
            {
                HostNames.Remove(files[i]);
            }
            catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
            {
                string left = string.Join(", ", files.Skip(i).Select(file => $"'{file}'"));
                throw StorageErrors.Translate(error, files[i])
                    .WithRemedy(Remedy.Advice($"The target is complete and was verified. What is left of the source can be deleted by hand: {left}."));
            }

            tell(files[i]);
        }
    }

    /// <summary>Where a file's name lies, and where the file does.</summary>
    private static IEnumerable<string> FoldersOf(string file)
        => new[] { StorageErrors.FullPath(file), TargetPath.Resolve(file) }.Select(path => Path.GetDirectoryName(path)!);

    private static DiskImageException Refused(string rule, string file, RemedyKind remedy)
        => new(ErrorKind.BackingFileRefused, rule, file) { Remedy = new(remedy) };
}
