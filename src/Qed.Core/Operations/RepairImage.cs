using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>
/// Mends a QED image in place. What stood in the image before each change is in an undo file beside it, on stable storage,
/// before the change is made: also after a crash the image can be put back byte for byte.
/// </summary>
public static class RepairImage
{
    /// <summary>Lists what a repair would do, and changes nothing.</summary>
    /// <exception cref="DiskImageException">As for <see cref="CheckImage.Run(CheckImageOptions, IProgress{OperationProgress}?, ILogger?, CancellationToken)"/>.</exception>
    public static RepairResult Plan(
        RepairImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        using HostFile file = Open(options.Path, StorageAccess.Read, logger);
        CheckImage.WarnOfUnfinishedUndo(file, logger);
        (CheckResult found, List<RepairChange> changes) = ImageRepairer.Plan(file, options.Mode, progress, cancellation);
        CheckImage.WarnOfShortDevice(file, found, logger);
        return Report(found, found, changes, new UndoFile(file, options.UndoPath), options) with { IsPlan = true };
    }

    /// <summary>Repairs one image.</summary>
    /// <exception cref="DiskImageException">
    /// The header breaks a rule or the file cannot be written; ImageExists where an undo file is there that does not fit
    /// the image any more; ImageCorrupt where it is damaged or something else; UnsupportedFeature where the image lies on a block
    /// device, something is to be changed, and no place for the undo file is given; NotEnoughSpace, after which the image can be put back or the repair run again.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; the image can be put back or the repair run again.</exception>
    public static RepairResult Run(
        RepairImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        using HostFile file = Open(options.Path, StorageAccess.Write, logger);
        var undo = new UndoFile(file, options.UndoPath);
        if (options.DiscardUndo)
            undo.Discard();
        var repair = new ReversibleRepair(file, undo);
        (CheckResult after, List<RepairChange> changes) = repair.Run(options.Mode, progress, cancellation);
        if (options.DiscardUndo)
            repair.Discard();
        foreach (RepairChange change in changes)
            Log.RepairChange(logger, file.Path, change.Description);
        return Report(repair.Found, after, changes, undo, options);
    }

    private static RepairResult Report(CheckResult before, CheckResult after, List<RepairChange> changes, UndoFile undo, RepairImageOptions options) => new()
    {
        Before = before,
        After = after with { Issues = after.Issues.Take(options.MaximumIssues).ToArray() },
        Changes = changes.Take(options.MaximumIssues).ToArray(),
        UndoPath = undo.Exists ? undo.Path : null,
    };

    private static HostFile Open(string path, StorageAccess access, ILogger logger)
        => QedFile.Open(path, access, logger, "only QED images have tables that can be repaired");
}
