using System.Collections.Generic;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Chains;

/// <summary>Opens an image and what it rests on. Loops are found by file identity, whatever the names; the depth is bounded.</summary>
internal static class ImageChain
{
    /// <summary>The longest chain that is opened, far beyond what any hypervisor runs.</summary>
    internal const int MaximumDepth = 200;

    /// <summary>Opens one image for reading, without its backing file.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="options">How to open it.</param>
    /// <param name="file">The file, which the image owns.</param>
    internal static DiskImage OpenLink(string path, ChainOptions options, out HostFile file) => Open(path, options, out file);

    /// <summary>Opens an image for reading with its whole chain, which it owns.</summary>
    /// <exception cref="DiskImageException">Of any link; BackingFileMissing, BackingFileRefused, BackingChainLoop.</exception>
    internal static DiskImage OpenChain(string path, ChainOptions options, ILogger logger)
    {
        DiskImage top = Open(path, options with { Image = options.Image with { Logger = logger } }, out HostFile file);
        Log.Opened(logger, top.Path, top.Format, top.Length);
        try
        {
            AttachChain(top, file.Identity, options.Access, logger);
            return top;
        }
        catch
        {
            top.Dispose();
            throw;
        }
    }

    /// <summary>Opens what an image that is already open rests on, and attaches it.</summary>
    internal static void AttachChain(DiskImage top, FileIdentity identity, StorageAccess access, ILogger logger)
        => AttachChain(top, [identity], access, logger);

    /// <summary>Opens what an image that is already open rests on, and attaches it.</summary>
    /// <param name="image">The image.</param>
    /// <param name="seen">The files of the chain down to the image.</param>
    /// <param name="access">What the files are opened for.</param>
    /// <param name="logger">Receives warnings.</param>
    internal static void AttachChain(DiskImage image, List<FileIdentity> seen, StorageAccess access, ILogger logger)
    {
        while (image.BackingReference is { } reference)
            image = AttachNext(image, reference, seen, OpenerFor(access, logger), logger);
    }

    /// <summary>Opens the next image of a chain, in a way of the caller's own, and attaches it.</summary>
    /// <param name="image">The last image so far.</param>
    /// <param name="reference">What it rests on.</param>
    /// <param name="seen">The files of the chain so far; gets the next one's.</param>
    /// <param name="open">Opens the file.</param>
    /// <param name="logger">Receives warnings.</param>
    /// <returns>The next image.</returns>
    internal static DiskImage AttachNext(DiskImage image, BackingReference reference, List<FileIdentity> seen, LinkOpener open, ILogger logger)
    {
        DiskImage backing = OpenNamed(reference, image.Path, open, seen, logger);
        try
        {
            if (image.CheckBacking(backing) is { } warning)
                Log.BackingFileDoubtful(logger, image.Path, warning);
        }
        catch
        {
            backing.Dispose();
            throw;
        }

        image.AttachBacking(backing);
        return backing;
    }

    /// <summary>Opens a file as the backing file of an image, with what it rests on in turn.</summary>
    /// <param name="reference">Name and format, as the image would store them.</param>
    /// <param name="imagePath">The image that is to rest on it, which must not be part of the chain.</param>
    /// <param name="identity">The image's file; null where it does not exist yet.</param>
    /// <param name="logger">Receives warnings.</param>
    internal static DiskImage OpenAsBacking(BackingReference reference, string imagePath, FileIdentity? identity, ILogger logger)
    {
        List<FileIdentity> seen = identity is { } own ? [own] : [];
        DiskImage backing = OpenGiven(reference, imagePath, seen, logger);
        try
        {
            AttachChain(backing, seen, StorageAccess.Read, logger);
            return backing;
        }
        catch
        {
            backing.Dispose();
            throw;
        }
    }

    /// <summary>Throws where a chain that goes on with a file would have no end, or none that is worth reaching.</summary>
    /// <param name="path">The next file.</param>
    /// <param name="namedBy">The image that names it.</param>
    /// <param name="seen">The files before it.</param>
    internal static void RequireFreshLink(string path, string? namedBy, ICollection<FileIdentity> seen)
    {
        if (seen.Count >= MaximumDepth)
        {
            throw new DiskImageException(
                ErrorKind.BackingFileRefused, $"the backing chain is longer than {MaximumDepth.ToString(CultureInfo.InvariantCulture)} images", namedBy);
        }

        if (FileIdentity.Of(path) is { } known && seen.Contains(known))
        {
            throw new DiskImageException(ErrorKind.BackingChainLoop, $"the backing chain leads back to '{path}', which is already part of it", namedBy)
            {
                Remedy = new(RemedyKind.CutLoop),
            };
        }
    }

    /// <summary>
    /// Throws where an image that rests on a file would rest on itself. Only headers are read, and no further than there
    /// are files that can be: a chain that is not whole may be made so later.
    /// </summary>
    /// <param name="reference">Name and format of the file, as the image would store them.</param>
    /// <param name="imagePath">The image, which need not exist yet.</param>
    /// <exception cref="DiskImageException">BackingChainLoop, or BackingFileRefused where the chain is too long.</exception>
    internal static void RequireNoLoop(BackingReference reference, string imagePath)
    {
        FileIdentity? own = FileIdentity.Of(imagePath);
        List<FileIdentity> seen = [];
        BackingReference? next = reference;
        string namedBy = imagePath;
        // The user has named the first file; what that names in turn is not to be looked for everywhere.
        while (next is not null && ChainHeaders.PathOf(next, namedBy, isWanted: next == reference) is { } path)
        {
            if (next != reference && BackingNames.IsRemote(path, namedBy))
                return;
            FileIdentity? identity = FileIdentity.Of(path);
            if (identity is not null && identity == own)
                throw new DiskImageException(ErrorKind.BackingChainLoop, $"the image would rest on itself: '{path}'{(namedBy == imagePath ? " is the image" : $", which '{namedBy}' rests on, is the image")}", imagePath);
            RequireFreshLink(path, namedBy, seen);
            if (identity is { } known)
                seen.Add(known);
            next = ChainHeaders.ReferenceOf(path, next.Format, NullLogger.Instance);
            namedBy = path;
        }
    }

    /// <summary>Opens the images of a chain as they are always opened.</summary>
    /// <param name="access">What the files are opened for.</param>
    /// <param name="logger">Receives warnings.</param>
    internal static LinkOpener OpenerFor(StorageAccess access, ILogger logger) => (string path, string? format, out FileIdentity identity) =>
    {
        DiskImage image = Open(path, new ChainOptions { Format = format, Access = access, Image = new ImageOpenOptions { Logger = logger } }, out HostFile file);
        identity = file.Identity;
        return image;
    };

    private static DiskImage OpenGiven(BackingReference reference, string imagePath, List<FileIdentity> seen, ILogger logger)
    {
        try
        {
            return OpenNamed(reference, imagePath, OpenerFor(StorageAccess.Read, logger), seen, logger);
        }
        catch (DiskImageException error) when (error.Remedy is { } remedy)
        {
            throw error.WithRemedy(remedy.ForGivenBacking());
        }
    }

    private static DiskImage OpenNamed(BackingReference reference, string imagePath, LinkOpener open, List<FileIdentity> seen, ILogger logger)
    {
        string path = BackingNames.Resolve(reference, imagePath, isWanted: true);
        RequireFreshLink(path, imagePath, seen);
        DiskImage backing;
        FileIdentity identity;
        try
        {
            backing = open(path, reference.Format, out identity);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageNotFound)
        {
            throw new DiskImageException(ErrorKind.BackingFileMissing, $"the backing file '{path}' does not exist", imagePath, error)
            {
                Remedy = new(RemedyKind.RestoreBackingFile),
            };
        }
        catch (DiskImageException error) when (error.Remedy is { } remedy)
        {
            throw error.WithRemedy(remedy.ForStoredBacking());
        }

        seen.Add(identity);
        Log.Opened(logger, backing.Path, backing.Format, backing.Length);
        if (reference.Format is null && !backing.IsRaw && FormatRegistry.ByExtension(path) is { IsGuestBytes: true })
            Log.ProbedAsOther(logger, path, backing.Format);
        return backing;
    }

    private static DiskImage Open(string path, ChainOptions options, out HostFile file)
    {
        ImageFormat? format = options.Format is null ? null : FormatRegistry.ByName(options.Format);
        file = HostFile.Open(path, options.Access);
        try
        {
            MissingLocks.Tell(file, options.Image.Logger);
            format ??= FormatRegistry.Probe(file, options.RawFallback, options.Image.Logger);
            if (options.Image.Snapshot is not null && !format.HasSnapshots)
                throw new DiskImageException(ErrorKind.UnsupportedFeature, $"{format.DisplayName} images do not have internal snapshots", path);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        return format.Open(file, options.Image with { Companions = new HostCompanions(file) });
    }
}
