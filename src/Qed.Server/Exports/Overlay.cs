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
        if (options.IsStreamed && File.Exists(path) && StandsAlone(path, cancellation))
        {
            RequireMadeFrom(path, options);
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

    private static bool StandsAlone(string path, CancellationToken cancellation)
    {
        ImageDescription found = DescribeImage.Run(new DescribeImageOptions { Path = path }, cancellation: cancellation);
        return found.IsChangedInPlace && found.BackingPath is null;
    }

    /// <summary>Makes sure that an image which stands alone has come of an overlay on this one, which need not be there any more.</summary>
    /// <exception cref="DiskImageException">ImageExists: it is some other disk, and clients would write it.</exception>
    private static void RequireMadeFrom(string path, NbdExportOptions options)
    {
        string full = Path.GetFullPath(options.Path);
        if (FormerBackingFile.HadName(path, full) || (IsBeside(path, full) && FormerBackingFile.HadName(path, Path.GetFileName(full))))
            return;
        throw new DiskImageException(ErrorKind.ImageExists, $"the file exists, rests on no other image and has never rested on '{options.Path}'", path)
        {
            Remedy = Remedy.Advice("If it is the finished copy of an image that has been moved since, serve it by itself."),
        };
    }

    // Side by side they can be moved together.
    private static bool IsBeside(string path, string image) => Path.GetDirectoryName(Path.GetFullPath(path)) == Path.GetDirectoryName(image);

    /// <summary>The image that is served.</summary>
    private static ImageDescription Served(NbdExportOptions options, CancellationToken cancellation) => DescribeImage.Run(
        new DescribeImageOptions { Path = options.Path, SourceFormat = options.SourceFormat, RawFallback = options.RawFallback }, cancellation: cancellation);

    private static void Create(string path, ImageDescription image, ILogger logger, CancellationToken cancellation)
    {
        var options = new CreateImageOptions
        {
            Path = Path.GetFullPath(path),
            BackingPath = IsBeside(path, image.Path) ? Path.GetFileName(image.Path) : image.Path,
            BackingFormat = image.Format,
            RoundUpSize = true,
        };
        CreateImage.Run(options, progress: null, logger, cancellation);
    }
}
