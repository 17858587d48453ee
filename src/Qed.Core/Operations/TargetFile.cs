using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;

namespace Qed.Operations;

/// <summary>What is common to all that write a file anew.</summary>
internal static class TargetFile
{
    /// <summary>Replacing an image, or one that it rests on, would destroy the very data that is being copied.</summary>
    /// <exception cref="DiskImageException">ImageExists.</exception>
    internal static void RefuseLinkOf(DiskImage source, string target)
    {
        if (FileIdentity.Of(target) is not { } existing)
            return;
        RefuseOnOneDevice(source, target);
        if (FileIdentity.Of(source.Path) == existing)
            throw new DiskImageException(ErrorKind.ImageExists, "source and target are the same file", target);
        if (HasFile(source, existing))
            throw new DiskImageException(ErrorKind.ImageExists, $"the target is one of the files of '{source.Path}'", target);
        if (HasLink(source.Backing, existing))
            throw new DiskImageException(ErrorKind.ImageExists, $"the target is a backing file of '{source.Path}'", target);
    }

    /// <summary>Starts to write to a path, with all that belongs to what is there.</summary>
    /// <param name="path">The path.</param>
    /// <param name="overwrite">Whether what exists may be overwritten.</param>
    /// <param name="source">The image that is copied; null where there is none.</param>
    /// <param name="logger">Told what a file that is replaced had and the new one has not.</param>
    /// <param name="cancellation">Ends long writing of zeroes between two writes.</param>
    /// <exception cref="DiskImageException">ImageExists, ImageInUse, ImageNotFound for the folder, AccessDenied.</exception>
    internal static Destination Begin(string path, bool overwrite, DiskImage? source, ILogger logger, CancellationToken cancellation)
    {
        string place = TargetPath.Resolve(path);
        IReadOnlyList<string> parts = overwrite ? PartsOf(place) : [];
        foreach (string part in parts)
        {
            if (source is not null)
                RefuseLinkOf(source, part);
        }

        return Destination.Begin(place, overwrite, parts, logger, cancellation);
    }

    /// <summary>The further files of an image that is to be overwritten.</summary>
    private static IReadOnlyList<string> PartsOf(string path)
    {
        if (FileTypes.Of(path) != FileType.Regular)
            return [];
        try
        {
            using HostFile file = HostFile.Open(path, StorageAccess.Peek);
            string folder = Path.GetDirectoryName(path)!;
            return [.. FormatRegistry.Probe(file, RawFallback.Anything, NullLogger.Instance).PartsOf(file)
                .Select(name => Path.Combine(folder, name))
                .Where(part => FileTypes.Of(part) == FileType.Regular && !RealPaths.IsLink(part))];
        }
        catch (DiskImageException)
        {
            // Whatever it is, it is no image of several files that anybody could open.
            return [];
        }
    }

    /// <summary>A device shows the very bytes of a file that it is made over, or of another device of which it is a part.</summary>
    /// <exception cref="DiskImageException">ImageExists.</exception>
    internal static void RefuseOnOneDevice(DiskImage source, string target)
    {
        if (FileIdentity.Of(target) is not { } existing)
            return;
        IReadOnlyCollection<FileIdentity> beneath = BlockDevice.Beneath(target);
        for (DiskImage? image = source; image is not null; image = image.Backing)
        {
            foreach (string file in image.Files)
            {
                if (FileIdentity.Of(file) is { } identity && beneath.Contains(identity))
                    throw new DiskImageException(ErrorKind.ImageExists, $"the target is a block device that lies on '{file}', which is read", target);
                if (BlockDevice.Beneath(file).Contains(existing))
                    throw new DiskImageException(ErrorKind.ImageExists, $"'{file}', which is read, is a block device that lies on the target", target);
            }
        }
    }

    /// <summary>Whether a file belongs to an image of a chain.</summary>
    internal static bool HasLink(DiskImage? chain, FileIdentity file)
    {
        for (DiskImage? image = chain; image is not null; image = image.Backing)
        {
            if (HasFile(image, file))
                return true;
        }

        return false;
    }

    private static bool HasFile(DiskImage image, FileIdentity file) => image.Files.Any(path => FileIdentity.Of(path) == file);

    /// <summary>The error of a target that was read again and found different.</summary>
    internal static DiskImageException DiffersFromSource(string target, string source, long offset)
        => new(ErrorKind.ImageCorrupt, $"the target reads differently from '{source}' at guest offset {offset.ToString(CultureInfo.InvariantCulture)}; it was discarded", target)
        {
            Remedy = Remedy.Advice("The host's memory or disk may be failing."),
        };
}
