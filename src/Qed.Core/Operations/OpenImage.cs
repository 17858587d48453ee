using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;

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
    /// Opens a QED image for writing, with its backing chain for reading. One that was not closed cleanly is checked
    /// first, and opened only if it is sound.
    /// </summary>
    /// <exception cref="DiskImageException">Of any image of the chain; ImageCorrupt where the check finds faults.</exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static WritableDiskImage ForWriting(
        OpenImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return ForWriting(options.Path, new ChangeNeeds { TableCacheBytes = options.TableCacheBytes, DetectZeroes = options.DetectZeroes }, progress, logger ?? NullLogger.Instance, cancellation);
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
