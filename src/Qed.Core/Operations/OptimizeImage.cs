using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>
/// Makes the file of a QED image as short as what it holds, where it lies, and its data contiguous if asked to. The guest
/// sees no difference. A plan tells beforehand what it comes to, and the work keeps it.
/// </summary>
public static class OptimizeImage
{
    /// <summary>Tells what would be gained and moved, and changes nothing. All data is read where zeroes are looked for.</summary>
    /// <exception cref="DiskImageException">As <see cref="Run"/>, but for what only writing meets.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static OptimizeResult Plan(
        OptimizeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        using HostFile file = ImageForChange.OpenFile(options.Path, StorageAccess.Read, logger ?? NullLogger.Instance);
        UndoInspection.RequireFinished(file, new UndoFile(file));
        (ImageChecker checker, CheckResult before) = ImageForChange.RequireSound(file, progress, cancellation);
        BlockStorage storage = file;
        if (before.EntriesBeyondEnd > 0)
        {
            // The work would drop them first.
            storage = new OverlayStorage(file);
            using (QedImage image = QedImage.Open(storage, ChangeNeeds.Default.OpenOptions(checker)))
                image.DropBeyondEnd();
            checker = Check(storage, progress, cancellation, out _);
        }

        CompactionOutcome outcome = new ImageCompactor(storage, options.Mode, isRehearsal: true, progress, cancellation).Run(checker.Scan);
        return ResultOf(outcome, before, before, file) with { AllocatedSizeBefore = file.AllocatedLength, IsPlan = true };
    }

    /// <summary>Optimizes one image.</summary>
    /// <exception cref="DiskImageException">
    /// UnsupportedFeature for another format, ImageCorrupt where a check finds faults, NotEnoughSpace where there is no room
    /// for what has to step aside; and what opening the image throws. The guest's data is as it was.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled: the guest's data is as it was, and another run goes on.</exception>
    public static OptimizeResult Run(
        OptimizeImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        var needs = new ChangeNeeds { MustBeSound = true, WithBacking = false };
        using ImageForChange opened = ImageForChange.Open(options.Path, needs, progress, logger, cancellation);
        CheckResult before = opened.Check!;
        long? allocated = opened.File.AllocatedLength;
        var unchanged = new CompactionOutcome(SizeOf(before, opened.File), 0, 0);
        bool isDone = options.Mode == OptimizeMode.Quick && before is { LeakedClusters: 0, FreeClusters: 0, TailBytes: 0, NeedsCheck: false };
        OptimizeResult result = isDone ? ResultOf(unchanged, before, before, opened.File) : Compact(opened, options.Mode, progress, logger, cancellation);
        Log.Optimized(logger, opened.Image.Path, result.FileSizeBefore, result.FileSize, result.MovedBytes);
        return result with { AllocatedSizeBefore = allocated, AllocatedSizeAfter = opened.File.AllocatedLength };
    }

    /// <summary>Compacts an opened image, which was checked.</summary>
    internal static OptimizeResult Compact(
        ImageForChange opened, OptimizeMode mode, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        CompactionOutcome outcome = default;
        CheckResult after = opened.Check!;
        opened.Begin(logger);
        opened.Image.Rearrange(storage =>
        {
            // What Begin has dropped the scan that opening was based on does not know.
            ImageChecker checker = after.EntriesBeyondEnd > 0 ? Check(storage, progress, cancellation, out _) : opened.Checker!;
            outcome = new ImageCompactor(storage, mode, isRehearsal: false, progress, cancellation).Run(checker.Scan);
            // Only a check that finds nothing may lead to the mark being taken back.
            Check(storage, progress, cancellation, out after);
            return after.IsClean ? 0 : throw NotSound(after);
        });
        return ResultOf(outcome, opened.Check!, after with { NeedsCheck = false }, opened.Image.Storage);
    }

    private static ImageChecker Check(BlockStorage storage, IProgress<OperationProgress>? progress, CancellationToken cancellation, out CheckResult result)
    {
        var checker = new ImageChecker(storage, maximumIssues: 1);
        result = checker.Run(new ProgressMeter(progress, "Checking"), cancellation);
        return checker;
    }

    private static DiskImageException NotSound(CheckResult check)
        => new(ErrorKind.ImageCorrupt, "what was written does not read as it was written: the disk is at fault", check.Path)
        {
            Remedy = new(RemedyKind.ListDamage),
        };

    /// <summary>A block device keeps its length: there it counts how far into it the image reaches.</summary>
    private static long SizeOf(CheckResult check, BlockStorage file) => file.HasFixedLength ? check.EndOfUse : check.FileSize;

    private static OptimizeResult ResultOf(CompactionOutcome outcome, CheckResult before, CheckResult after, BlockStorage file) => new()
    {
        Before = before,
        After = after,
        FileSizeBefore = SizeOf(before, file),
        FileSize = outcome.FileSize,
        FreedZeroClusters = outcome.FreedZeroClusters,
        MovedBytes = outcome.MovedBytes,
    };
}
