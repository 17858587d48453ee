using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
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
    public static ChangeResult Run(
        SetBackingFileOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        BackingReference? reference = Reference(options);
        var needs = new ChangeNeeds
        {
            WithBacking = !options.MetadataOnly,
            MustBeSound = !options.MetadataOnly,
            Require = BackingNameChange.RequireAllowed,
        };
        ImageDescription before;
        long copied = 0;
        long reclaimed = 0;
        using (ImageForChange opened = ImageForChange.Open(options.Path, needs, progress, logger, cancellation))
        {
            before = opened.Describe();
            using RequestedBacking? backing = options.MetadataOnly
                ? RequestedBacking.Trust(reference, opened.Image.Path)
                : RequestedBacking.Open(reference, opened.Image.Path, logger);
            if (options.MetadataOnly)
                ChangeName(opened, backing?.Reference, logger, cancellation);
            else
                (copied, reclaimed) = Change(opened, backing?.Reference, backing?.Image, progress, logger, cancellation);
            Log.Rebased(logger, opened.Image.Path, before.BackingPath ?? "(none)", backing?.Reference.Name ?? "(none)");
        }

        return new ChangeResult
        {
            Before = before,
            After = DescribeImage.Of(options.Path),
            WrittenBytes = copied,
            ReclaimedClusters = reclaimed,
        };
    }

    /// <summary>Has an opened image, whose chain is attached, rest on another one, and copies in first what that would not show.</summary>
    /// <returns>Bytes copied in, and clusters given back that work which was cut short had lost.</returns>
    internal static (long Copied, long Reclaimed) Change(
        ImageForChange opened,
        BackingReference? reference,
        DiskImage? newBacking,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        long copied = CopyDifferences(opened, newBacking, progress, logger, cancellation);
        cancellation.ThrowIfCancellationRequested();
        opened.Image.SetBackingName(reference);
        return (copied, opened.HasLeftovers ? opened.Reclaim(progress, logger, cancellation) : 0);
    }

    private static void ChangeName(ImageForChange opened, BackingReference? reference, ILogger logger, CancellationToken cancellation)
    {
        opened.Begin(logger);
        cancellation.ThrowIfCancellationRequested();
        opened.Image.SetBackingName(reference);
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

    private static long CopyDifferences(
        ImageForChange opened, DiskImage? newBacking, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        QedImage image = opened.Image;
        DirtyPages.WriteOut(image, logger);
        DirtyPages.WriteOut(newBacking, logger);
        cancellation.ThrowIfCancellationRequested();
        opened.Begin(logger);
        long copied = new RebaseCopier(image, newBacking).Run(new ProgressMeter(progress, "Copying from the backing file", image.Length), cancellation);
        image.Flush();
        Log.CopiedIn(logger, copied, image.Path);
        return copied;
    }
}
