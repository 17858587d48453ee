using System;
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
        Log.Checked(logger, file.Path, (long)result.Duration.TotalMilliseconds, result.Corruptions, result.LeakedClusters);
        return result with { UnfinishedUndoPath = WarnOfUnfinishedUndo(file, logger) };
    }

    /// <summary>Tells of an undo file that says that a repair was cut short.</summary>
    /// <returns>Its path; null where there is none.</returns>
    internal static string? WarnOfUnfinishedUndo(HostFile file, ILogger logger)
    {
        var undo = new UndoFile(file);
        if (UndoInspection.HeaderOf(undo) is not { IsUnfinished: true } header)
            return null;
        if (header.Fits(file))
            Log.RepairUnfinished(logger, file.Path, undo.Path);
        else
            Log.UndoOfAnotherState(logger, undo.Path, file.Path);
        return undo.Path;
    }

    internal static CheckResult Run(BlockStorage storage, int maximumIssues, IProgress<OperationProgress>? progress, CancellationToken cancellation)
        => new ImageChecker(storage, maximumIssues).Run(new ProgressMeter(progress, "Checking"), cancellation);
}
