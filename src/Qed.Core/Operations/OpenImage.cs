using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Opens images together with what they rest on, for programs that read and write disks themselves.</summary>
public static class OpenImage
{
    /// <summary>Opens an image of any format for reading, with its backing chain, which it closes too.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="sourceFormat">Its format; null to probe.</param>
    /// <param name="logger">Receives warnings.</param>
    /// <exception cref="DiskImageException">Of any image of the chain.</exception>
    public static DiskImage ForReading(string path, string? sourceFormat = null, ILogger? logger = null)
        => ForReading(new OpenImageOptions { Path = path, SourceFormat = sourceFormat }, logger: logger);

    /// <summary>Opens an image of any format for reading, with its backing chain, which it closes too.</summary>
    /// <exception cref="DiskImageException">Of any image of the chain.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled before it began.</exception>
    public static DiskImage ForReading(
        OpenImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        cancellation.ThrowIfCancellationRequested();
        var how = new ChainOptions
        {
            Format = options.SourceFormat,
            RawFallback = options.RawFallback,
            Image = new ImageOpenOptions { TableCacheBytes = options.TableCacheBytes },
        };
        return ImageChain.OpenChain(options.Path, how, logger ?? NullLogger.Instance);
    }

    /// <summary>Opens a QED image for writing, as <see cref="ForWriting(OpenImageOptions, IProgress{OperationProgress}?, ILogger?, CancellationToken)"/> does.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="logger">Receives warnings.</param>
    /// <exception cref="DiskImageException">Of any image of the chain; ImageCorrupt where the check finds faults.</exception>
    public static WritableDiskImage ForWriting(string path, ILogger? logger = null) => ForWriting(new OpenImageOptions { Path = path }, logger: logger);

    /// <summary>
    /// Opens a QED image for writing, with its backing chain for reading, or a raw one. A QED image that was not closed
    /// cleanly is checked first, and opened only if it is sound.
    /// </summary>
    /// <exception cref="DiskImageException">
    /// Of any image of the chain; ImageCorrupt where the check finds faults; UnsupportedFeature for any other format.
    /// </exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static WritableDiskImage ForWriting(
        OpenImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        return IsRaw(options, logger)
            ? OpenRaw(options.Path, logger)
            : ForWriting(options.Path, new ChangeNeeds { TableCacheBytes = options.TableCacheBytes, DetectZeroes = options.DetectZeroes }, progress, logger, cancellation);
    }

    private static bool IsRaw(OpenImageOptions options, ILogger logger)
    {
        if (options.SourceFormat is { } given)
            return FormatRegistry.ByName(given).IsGuestBytes;
        using HostFile file = HostFile.Open(options.Path, StorageAccess.Peek);
        return FormatRegistry.Probe(file, options.RawFallback, logger).IsGuestBytes;
    }

    private static WritableDiskImage OpenRaw(string path, ILogger logger)
    {
        HostFile file = HostFile.Open(path, StorageAccess.Write);
        MissingLocks.Tell(file, logger);
        var image = (WritableDiskImage)FormatRegistry.Raw.Open(file, ImageOpenOptions.Default);
        Log.Opened(logger, image.Path, image.Format, image.Length);
        return image;
    }

    internal static DiskImage ForReading(string path, string? format, RawFallback fallback, ILogger logger)
        => ForReading(new OpenImageOptions { Path = path, SourceFormat = format, RawFallback = fallback }, logger: logger);

    internal static QedImage ForWriting(string path, ChangeNeeds needs, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        ImageForChange opened = ImageForChange.Open(path, needs, progress, logger, cancellation);
        try
        {
            opened.Begin(logger);
            return opened.Image;
        }
        catch
        {
            opened.Image.Dispose();
            throw;
        }
    }
}
