using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Engine;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>
/// Mends a QED image in place. What stood in the image before each change is in an undo file beside it, on stable storage,
/// before the change is made: also after a crash the image can be put back byte for byte.
/// </summary>
public static class RepairImage
{
    /// <summary>Lists what a repair would do, and changes nothing.</summary>
    /// <exception cref="DiskImageException">As for CheckImage.</exception>
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
        QedImage.RequireGrowing(file);
        CheckImage.WarnOfUnfinishedUndo(file, logger);
        (CheckResult found, List<RepairChange> changes) = ImageRepairer.Plan(file, options.Mode, progress.Meter, cancellation);
        return Report(found, found, changes, new UndoFile(file), options);
    }

    /// <summary>Repairs one image.</summary>
    /// <exception cref="DiskImageException">
    /// The header breaks a rule or the file cannot be written; ImageExists where an undo file is there that does not fit
    /// the image any more; ImageCorrupt where it is damaged or something else; NotEnoughSpace, after which the image can be put back or the repair run again.
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
        QedImage.RequireGrowing(file);
        var undo = new UndoFile(file);
        if (options.DiscardUndo)
            undo.Discard();
        var repair = new ReversibleRepair(file, undo);
        (CheckResult check, List<RepairChange> changes) = repair.Run(options.Mode, progress.Meter, cancellation);
        if (options.DiscardUndo)
            repair.Discard();
        foreach (RepairChange change in changes)
            Log.RepairChange(logger, file.Path, change.Description);
        return Report(repair.Found, check, changes, undo, options);
    }

    /// <summary>
    /// Puts an image back byte for byte as it was before the repair, also one that was cut short, and removes the undo file
    /// once all of it was used.
    /// </summary>
    /// <param name="path">The image's file.</param>
    /// <param name="force">Whether to do so although the image was changed after the repair, or the undo file is damaged; old and new are mixed then.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="logger">Receives what was done, and warnings of what could not be.</param>
    /// <param name="cancellation">Undoing an image again goes on where it was cancelled.</param>
    /// <returns>What was put back and what was not.</returns>
    /// <exception cref="DiskImageException">
    /// ImageNotFound without an undo file; ImageCorrupt where the image is not in a state that it belongs to, or the undo file
    /// is damaged, empty or something else; UnsupportedFeature for an undo file of another version.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static UndoResult Undo(
        string path,
        bool force = false,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        logger ??= NullLogger.Instance;
        using HostFile file = HostFile.Open(path, StorageAccess.Write);
        QedImage.RequireGrowing(file);
        MissingLocks.Tell(file, logger);
        UndoResult result = new ReversibleRepair(file, new UndoFile(file)).Undo(force, progress.Meter("Undoing the repair", 0), cancellation);
        if (result.UndoPath is not null)
            Log.UndoneInPart(logger, file.Path, result.RestoredBytes, WordsOf(result), result.UndoPath);
        else if (result.IsExact)
            Log.RepairUndone(logger, file.Path);
        else
            Log.UndoneByForce(logger, file.Path);
        return result;
    }

    private static string WordsOf(UndoResult result)
    {
        const int MostNamed = 8;
        var lost = new List<string>();
        if (result.LostRanges.Count > 0)
        {
            string ranges = string.Join(", ", result.LostRanges.Take(MostNamed).Select(range => $"{Text(range.Offset.Value)} ({Text(range.Length)})"));
            lost.Add($"what was saved of {Text(result.LostRanges.Sum(range => range.Length))} bytes is damaged, at the offsets (lengths) {ranges}{(result.LostRanges.Count > MostNamed ? " and others" : string.Empty)}");
        }

        if (result.IsCutOff)
            lost.Add("the undo file breaks off, so that nobody knows what else it held");
        return string.Join("; ", lost);
    }

    private static RepairResult Report(CheckResult found, CheckResult check, List<RepairChange> changes, UndoFile undo, RepairImageOptions options) => new()
    {
        Found = found,
        Check = check with { Issues = check.Issues.Take(options.MaximumIssues).ToArray() },
        Changes = changes.Take(options.MaximumIssues).ToArray(),
        UndoPath = undo.Exists ? undo.Path : null,
    };

    private static HostFile Open(string path, StorageAccess access, ILogger logger)
        => QedFile.Open(path, access, logger, "only QED images have tables that can be repaired");
}
