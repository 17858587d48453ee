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
    /// <exception cref="DiskImageException">Of the image or any image of either chain; BackingChainLoop where the image would rest on itself; ImageCorrupt where data would be copied into tables that are not sound.</exception>
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
        var needs = new ChangeNeeds
        {
            WithBacking = !options.MetadataOnly,
            MustBeSound = !options.MetadataOnly,
            Require = BackingNameChange.RequireAllowed,
        };
        using (ImageForChange opened = ImageForChange.Open(options.Path, needs, progress, logger, cancellation))
        {
            if (options.MetadataOnly)
                ChangeNameAlone(opened, backing, logger);
            else
                backing = CopyDifferences(opened, backing, progress, logger, cancellation);
            cancellation.ThrowIfCancellationRequested();
            string? old = opened.Image.BackingReference?.Name;
            opened.Image.SetBackingName(backing);
            Log.Rebased(logger, opened.Image.Path, old ?? "(none)", backing?.Name ?? "(none)");
            if (opened.HasLeftovers && !options.MetadataOnly)
                opened.Reclaim(progress, logger, cancellation);
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

    /// <summary>Nothing is read, and the new name may lead nowhere yet; but never back to the image.</summary>
    private static void ChangeNameAlone(ImageForChange opened, BackingReference? backing, ILogger logger)
    {
        if (backing is not null)
            ImageChain.RequireNoLoop(backing, opened.Image.Path);
        opened.Begin(logger);
    }

    private static BackingReference? CopyDifferences(
        ImageForChange opened,
        BackingReference? backing,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        QedImage image = opened.Image;
        using DiskImage? newBacking = backing is null ? null : ImageChain.OpenAsBacking(backing, image.Path, FileIdentity.Of(image.Path), logger);
        DirtyPages.WriteOut(image, logger);
        DirtyPages.WriteOut(newBacking, logger);
        cancellation.ThrowIfCancellationRequested();
        opened.Begin(logger);
        long copied = new RebaseCopier(image, newBacking).Run(progress.Meter("Copying from the backing file", image.Length), cancellation);
        image.Flush();
        Log.CopiedIn(logger, copied, image.Path);
        return backing?.StoredOver(newBacking?.Format);
    }
}
