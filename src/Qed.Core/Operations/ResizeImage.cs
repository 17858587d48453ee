using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Engine;
using Qed.Layout;
using Qed.Transfer;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>Grows or shrinks the guest's disk of a QED image in place. What a shrink frees is given back to the host.</summary>
public static class ResizeImage
{
    /// <summary>Resizes one image.</summary>
    /// <exception cref="DiskImageException">
    /// InvalidSize where the size breaks a rule, is beyond the tables' reach, or would drop data without consent; and
    /// what opening the image throws.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// Cancelled. The disk has its old size, or already the new one; space that a shrink has not given back yet is given back
    /// when it is run again.
    /// </exception>
    public static ChangeResult Run(
        ResizeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        ImageDescription before;
        long reclaimed = 0;
        // Dropping clusters frees only what nothing else references, and new ones must not be taken for old.
        using (ImageForChange opened = ImageForChange.Open(options.Path, new ChangeNeeds { MustBeSound = true }, progress, logger, cancellation))
        {
            QedImage image = opened.Image;
            before = opened.Describe();
            RequireAllowed(options, before.Size);
            long size = options.Size ?? MinimumSize(image, progress, logger, cancellation);
            image.RequireLegalSize(size);
            cancellation.ThrowIfCancellationRequested();
            if (size != before.Size || opened.WasCutShort)
                reclaimed = Change(opened, size, progress, logger, cancellation);
            Log.Resized(logger, image.Path, before.Size, size);
        }

        return new ChangeResult
        {
            Before = before,
            After = DescribeImage.Of(options.Path),
            ReclaimedClusters = reclaimed,
        };
    }

    /// <summary>Throws where the size is none, or smaller without consent.</summary>
    internal static void RequireAllowed(ResizeImageOptions options, long oldSize)
    {
        if (options.Size is <= 0)
            throw NoDisk(options.Path, options.Size.Value);
        if (options.Size < oldSize && !options.AllowShrink)
            throw ShrinkRefused(options.Path, oldSize, options.Size.Value);
    }

    /// <summary>Gives an opened image another size, and gives back what that frees, or what work that was cut short has lost.</summary>
    /// <returns>Clusters by which the file has become shorter.</returns>
    internal static long Change(ImageForChange opened, long size, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        long oldSize = opened.Image.Length;
        opened.Begin(logger);
        opened.Image.SetSize(size, cancellation);
        // Work that was cut short may have lost clusters that nobody has given back.
        return size < oldSize || opened.HasLeftovers ? opened.Reclaim(progress, logger, cancellation) : 0;
    }

    /// <summary>Everything up to the last sector that is not zero, and a sector at least.</summary>
    private static long MinimumSize(QedImage image, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        DirtyPages.WriteOut(image, logger);
        return Math.Max(QedGeometry.SectorSize, LastData.EndOf(image, new ProgressMeter(progress, "Looking for the last data", image.Length), cancellation));
    }

    /// <summary>Nobody wants a disk of no size; a size of 0 is what a script computes by mistake.</summary>
    private static DiskImageException NoDisk(string path, long size)
        => new(ErrorKind.InvalidSize, $"a disk is not resized to {Text(size)} bytes", path) { Remedy = Remedy.TakeNearest("size", QedGeometry.SectorSize) };

    private static DiskImageException ShrinkRefused(string path, long oldSize, long size)
        => new(ErrorKind.InvalidSize, $"shrinking the disk from {Text(oldSize)} to {Text(size)} bytes drops what lies beyond, which is not done without being allowed", path)
        {
            Remedy = Remedy.Advice("Shrink the file system inside first.") with { Next = new(RemedyKind.AllowShrinking) },
        };
}
