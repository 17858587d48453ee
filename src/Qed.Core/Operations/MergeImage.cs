using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage;
using Qed.Transfer;

namespace Qed.Operations;

/// <summary>
/// Merges an image into one that it rests on: only what differs is written. The image reads the same before, during and
/// after, whatever comes between; a merge that was cut short is done again from where it was.
/// </summary>
public static class MergeImage
{
    /// <summary>Tells what would be written, and changes nothing. All data is read that the merge would look at.</summary>
    /// <exception cref="DiskImageException">As <see cref="Run"/>, but for what only writing meets.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static MergeResult Plan(
        MergeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        logger ??= NullLogger.Instance;
        (MergeLinks links, MergeBystanders bystanders) = Foresee(options, logger, cancellation);
        using MergeChain chain = MergeChain.Open(links, isRehearsal: true, progress, logger, cancellation);
        DirtyPages.WriteOut(chain.Top, logger);
        var merger = new ImageMerger(chain.Top, chain.Destination);
        merger.Rehearse(new ProgressMeter(progress, "Comparing", chain.Top.Length), cancellation);
        string[] deleted = [.. FilesOf(chain, bystanders).SelectMany(files => files)];
        return ResultOf(links, merger, chain.Size) with { DeletedFiles = deleted, IsPlan = true };
    }

    /// <summary>Merges one image.</summary>
    /// <exception cref="DiskImageException">
    /// Of any image of the chain; BackingFileMissing where there is nothing to merge into; BackingFileRefused where other
    /// images rest on what changes and that is not forced, or the destination is not part of the chain; UnsupportedFeature for
    /// formats that are not written in place; ImageInUse; InvalidSize or NotEnoughSpace where the destination cannot become as
    /// large as needed. The merged image reads as before.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled: the merged image reads as before, and the same merge goes on from where it was.</exception>
    public static MergeResult Run(
        MergeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        logger ??= NullLogger.Instance;
        (MergeLinks links, MergeBystanders bystanders) = Foresee(options, logger, cancellation);
        MergeResult result;
        IReadOnlyList<string>[] deleted;
        using (MergeChain chain = MergeChain.Open(links, isRehearsal: false, progress, logger, cancellation))
        {
            result = ResultOf(links, Merge(chain, options, progress, logger, cancellation), chain.Size);
            deleted = FilesOf(chain, bystanders);
            if (links.Fate == MergedOverlay.Deleted)
                Verify(chain, progress, logger, cancellation);
            else if (links.Fate == MergedOverlay.Emptied)
                Empty(chain.Overlay!, progress, logger, cancellation);
        }

        foreach (IReadOnlyList<string> files in deleted)
            SourceFiles.Delete(files, file => Log.DeletedMerged(logger, file));
        bystanders.Warn(logger);
        return result with
        {
            After = DescribeImage.Of(links.Destination.Path, links.Destination.Format),
            DeletedFiles = [.. deleted.SelectMany(files => files)],
        };
    }

    /// <summary>Throws what headers tell to be in the way.</summary>
    internal static (MergeLinks Links, MergeBystanders Bystanders) Foresee(MergeImageOptions options, ILogger logger, CancellationToken cancellation)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        MergeLinks links = MergeLinks.Find(options);
        MergeBystanders bystanders = MergeBystanders.Find(links, options, logger, cancellation);
        if (!options.Force)
            bystanders.RequireNone();
        return (links, bystanders);
    }

    private static ImageMerger Merge(MergeChain chain, MergeImageOptions options, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        DirtyPages.WriteOut(chain.Top, logger);
        cancellation.ThrowIfCancellationRequested();
        chain.QedDestination?.Begin(logger);
        var merger = new ImageMerger(chain.Top, chain.Destination);
        RateLimit? limit = options.MaximumBytesPerSecond is { } rate ? new RateLimit(rate, cancellation) : null;
        try
        {
            merger.Run(chain.Size, limit, new ProgressMeter(progress, "Merging", chain.Top.Length), cancellation);
        }
        catch
        {
            // What could not be written the system takes for clean, and shows it: the next merge would find it equal.
            chain.DropCache();
            throw;
        }

        Log.Merged(logger, chain.Top.Path, chain.Destination.Path, merger.Written, merger.Zeroed);
        if (chain.QedDestination is { HasLeftovers: true } destination)
            destination.Reclaim(progress, logger, cancellation);
        return merger;
    }

    /// <summary>What is to be deleted must be there: read from the disk, as any other program might one day.</summary>
    private static void Verify(MergeChain chain, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        chain.DropCache();
        var meter = new ProgressMeter(progress, "Verifying", chain.Top.Length);
        var comparer = new ImageComparer(chain.Top, chain.Destination, shared: null, meter, cancellation) { Plan = CopyPlan.Above(chain.Top, chain.Destination, chain.Destination.Length) };
        if (comparer.FirstDifference() is { } offset)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, $"what was written reads differently at guest offset {Invariant.Text(offset.Value)}, so nothing was deleted", chain.Destination.Path)
            {
                Remedy = Remedy.Advice("The host's memory or disk may be failing."),
            };
        }

        Log.Verified(logger, chain.Top.Path, chain.Destination.Path);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Drops what the overlay holds, which the destination has on stable storage.</summary>
    internal static void Empty(ImageForChange overlay, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        overlay.Begin(logger);
        overlay.Image.Empty(cancellation);
        overlay.Reclaim(progress, logger, cancellation);
        Log.Emptied(logger, overlay.Image.Path);
    }

    /// <summary>The files of each image that is to be deleted, the topmost image first.</summary>
    private static IReadOnlyList<string>[] FilesOf(MergeChain chain, MergeBystanders bystanders)
        => [.. chain.Above().Take(bystanders.Deletable.Count).Select(image => image.Files)];

    private static MergeResult ResultOf(MergeLinks links, ImageMerger merger, long size) => new()
    {
        Source = links.Overlay,
        Before = links.Destination,
        After = links.Destination,
        Size = size,
        WrittenBytes = merger.Written,
        ZeroedBytes = merger.Zeroed,
        Overlay = links.Fate,
    };
}
