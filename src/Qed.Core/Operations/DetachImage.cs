using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Engine;
using Qed.Images;
using Qed.Storage;
using Qed.Transfer;

namespace Qed.Operations;

/// <summary>
/// Makes a QED image that is open and in use stand alone: copies into it what it shows through its backing file, takes the
/// backing file's name away, durably, and closes that. Whoever reads and writes the image meanwhile sees no difference.
/// </summary>
public static class DetachImage
{
    /// <summary>Does it on the thread that calls. Cut short at whatever moment, another run finishes it.</summary>
    /// <param name="image">The image, opened for writing with its chain; it stays open.</param>
    /// <param name="options">How to go about it.</param>
    /// <param name="progress">Told how far into the disk it is.</param>
    /// <param name="logger">Receives what was done.</param>
    /// <param name="cancellation">Stops it between two pieces of work.</param>
    /// <returns>Bytes that were copied.</returns>
    /// <exception cref="DiskImageException">UnsupportedFeature for a format that is not QED, or where features that are unknown forbid it; NotEnoughSpace; what reading the chain throws.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the image rests on its backing file still.</exception>
    public static long Run(
        WritableDiskImage image,
        DetachImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        if (image is not QedImage qed)
        {
            throw (image is null) ? new ArgumentNullException(nameof(image))
                : new DiskImageException(ErrorKind.UnsupportedFeature, "only QED images are given other backing files", image.Path) { Remedy = new(RemedyKind.ConvertToQed) };
        }

        BackingNameChange.RequireAllowed(qed.Header, qed.Path);
        if (qed.RequireBackingIfNamed() is not { } backing)
            return 0;
        string backingPath = backing.Path;
        RateLimit? limit = options.MaximumBytesPerSecond is { } rate ? new RateLimit(rate, cancellation) : null;
        long copied = new LiveCopier(qed, limit).Run(backing, new ProgressMeter(progress, "Copying from the backing file", qed.Length), cancellation);
        cancellation.ThrowIfCancellationRequested();
        qed.LetGoOfBacking();
        logger ??= NullLogger.Instance;
        Log.CopiedIn(logger, copied, qed.Path);
        Log.Rebased(logger, qed.Path, backingPath, "(none)");
        return copied;
    }
}
