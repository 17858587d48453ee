using System;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Storage;

namespace Qed.Server.Exports;

/// <summary>The QED image that lies over one that is served, and takes what clients write.</summary>
internal static class Overlay
{
    /// <summary>Makes sure that there is an overlay: one that rests on the image already goes on, and one that is to stand alone may do so already.</summary>
    /// <exception cref="DiskImageException">ImageExists: what is there rests on something else.</exception>
    internal static void Require(string path, NbdExportOptions options, ILogger logger, CancellationToken cancellation)
    {
        if (options.IsStreamed && File.Exists(path) && StandsAlone(path, options, cancellation))
        {
            ServerLog.StoodAlone(logger, path, options.Path);
            return;
        }

        ImageDescription image = Served(options, cancellation);
        if (!File.Exists(path))
        {
            Create(path, image, logger, cancellation);
            return;
        }

        ImageDescription found = DescribeImage.Run(new DescribeImageOptions { Path = path }, cancellation: cancellation);
        if (!found.IsChangedInPlace || found.BackingFullPath is null || FileIdentity.Of(found.BackingFullPath) is not { } backing || FileIdentity.Of(options.Path) != backing)
            throw new DiskImageException(ErrorKind.ImageExists, $"the file exists, and is no QED image that rests on '{options.Path}'", path);
    }

    /// <summary>A name for an overlay that nobody keeps.</summary>
    internal static string TemporaryPath() => Path.Combine(Path.GetTempPath(), $"qed-{Guid.NewGuid():N}.qed");

    /// <summary>Whether a file is what becomes of an overlay: the image need not be there any more, and where it is has the same size.</summary>
    private static bool StandsAlone(string path, NbdExportOptions options, CancellationToken cancellation)
    {
        ImageDescription found = DescribeImage.Run(new DescribeImageOptions { Path = path }, cancellation: cancellation);
        if (!found.IsChangedInPlace || found.BackingPath is not null)
            return false;
        if (!File.Exists(options.Path))
            return true;
        ImageDescription image = Served(options, cancellation);
        // The overlay's size was rounded up to whole sectors.
        return found.Size - image.Size is >= 0 and < 512;
    }

    /// <summary>The image that is served.</summary>
    private static ImageDescription Served(NbdExportOptions options, CancellationToken cancellation) => DescribeImage.Run(
        new DescribeImageOptions { Path = options.Path, SourceFormat = options.SourceFormat, RawFallback = options.RawFallback }, cancellation: cancellation);

    private static void Create(string path, ImageDescription image, ILogger logger, CancellationToken cancellation)
    {
        string full = Path.GetFullPath(path);
        // Side by side they can be moved together.
        bool isBeside = Path.GetDirectoryName(full) == Path.GetDirectoryName(image.Path);
        var options = new CreateImageOptions
        {
            Path = full,
            BackingPath = isBeside ? Path.GetFileName(image.Path) : image.Path,
            BackingFormat = image.Format,
            RoundUpSize = true,
        };
        CreateImage.Run(options, progress: null, logger, cancellation);
    }
}
