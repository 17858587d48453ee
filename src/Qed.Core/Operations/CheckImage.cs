using System;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Checks a QED image for consistency. Nothing is changed, and nobody may write the image meanwhile unless it is checked online.</summary>
public static class CheckImage
{
    /// <summary>Checks one image.</summary>
    /// <exception cref="DiskImageException">
    /// The file cannot be read, its header breaks a rule, or UnsupportedFeature for an image of another format.
    /// Faults of the tables are not errors but part of the result.
    /// </exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static CheckResult Run(
        CheckImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        StorageAccess access = options.Online ? StorageAccess.Peek : StorageAccess.Read;
        using HostFile file = QedFile.Open(options.Path, access, logger, "only QED images have tables that can be checked");
        BlockStorage storage = options.MaximumBytesPerSecond is { } rate ? new ThrottledStorage(file, rate, cancellation) : file;
        CheckResult result = options.Online
            ? new OnlineChecker(storage, options.MaximumIssues, cancellation).Run(new ProgressMeter(progress, "Checking"))
            : Run(storage, options.MaximumIssues, progress, cancellation);
        WarnOfShortDevice(file, result, logger);
        Log.Checked(logger, file.Path, (long)result.Duration.TotalMilliseconds, result.Corruptions, result.LeakedClusters);
        return result with { UnfinishedUndoPath = WarnOfUnfinishedUndo(file, logger) };
    }

    /// <summary>Tells where tables lead beyond the end of a block device, as they do when a volume was made smaller: a repair would clear what can yet be had back.</summary>
    internal static void WarnOfShortDevice(HostFile file, CheckResult result, ILogger logger)
    {
        if (!file.IsBlockDevice || result.Issues.Where(issue => issue.Kind == CheckIssueKind.EntryBeyondEndOfFile).Max(issue => issue.HostOffset) is not { } last)
            return;
        Log.DeviceCutShort(logger, file.Path, file.Length, last + result.ClusterSize);
    }

    /// <summary>Tells of an undo file that says that a repair was cut short.</summary>
    /// <returns>Its path; null where there is none.</returns>
    internal static string? WarnOfUnfinishedUndo(HostFile file, ILogger logger)
    {
        var undo = new UndoFile(file);
        if (UndoInspection.HeaderOf(undo) is not { IsUnfinished: true } header)
        {
            if (file.IsBlockDevice && MarkedHeader.Read(file) is { IsUnfinished: true })
                Log.DeviceRepairUnfinished(logger, file.Path);
            return null;
        }

        if (header.Fits(file))
            Log.RepairUnfinished(logger, file.Path, undo.Path);
        else
            Log.UndoOfAnotherState(logger, undo.Path, file.Path);
        return undo.Path;
    }

    internal static CheckResult Run(BlockStorage storage, int maximumIssues, IProgress<OperationProgress>? progress, CancellationToken cancellation)
        => new ImageChecker(storage, maximumIssues).Run(new ProgressMeter(progress, "Checking"), cancellation);
}
