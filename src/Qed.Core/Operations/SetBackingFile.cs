using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Transfer;

namespace Qed.Operations;

/// <summary>
/// Gives a QED image another backing file, or none. Unless only the name is to change, the guest sees the same contents
/// before, during and after: what the new chain lacks is copied into the image first.
/// </summary>
public static class SetBackingFile
{
    /// <summary>Changes the backing file of one image.</summary>
    /// <exception cref="DiskImageException">Of the image or any image of either chain; BackingChainLoop where the image would rest on itself.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the backing file is the old one, some of its data is now in the image too.</exception>
    public static ImageDescription Run(
        SetBackingFileOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        BackingReference? backing = Reference(options);
        using (QedImage image = OpenImage.ForWriting(options.Path, withBacking: !options.MetadataOnly, logger))
        {
            if (image.Header.CompatibleFeatures == 0 && !options.MetadataOnly)
                backing = CopyDifferences(image, backing, progress, logger, cancellation);
            cancellation.ThrowIfCancellationRequested();
            string? old = image.BackingReference?.Name;
            image.SetBackingName(backing);
            Log.Rebased(logger, image.Path, old, backing?.Name);
        }

        return DescribeImage.Run(options.Path);
    }

    private static BackingReference? Reference(SetBackingFileOptions options)
    {
        if (options.BackingPath is null)
            return null;
        // Refused also where only the name is written: the image could not be opened afterwards.
        BackingNames.RequireStorable(options.BackingPath, options.Path);
        string? format = options.BackingFormat is null ? null : FormatRegistry.ByName(options.BackingFormat).Name;
        return new BackingReference(options.BackingPath, format);
    }

    private static BackingReference? CopyDifferences(
        QedImage image,
        BackingReference? backing,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        using DiskImage? newBacking = backing is null ? null : ImageChain.OpenAsBacking(backing, image.Path, FileIdentity.Of(image.Path), logger);
        long copied = new RebaseCopier(image, newBacking).Run(progress.Meter("Copying from the backing file", image.Length), cancellation);
        image.Flush();
        Log.CopiedIn(logger, copied, image.Path);
        return backing is { Format: null } && newBacking?.Format == "raw" ? backing with { Format = "raw" } : backing;
    }
}
