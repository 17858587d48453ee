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
    /// <summary>Where the undo file of an image lies: beside it, with the same name and ".undo".</summary>
    public static string UndoPathOf(string path) => new UndoFile(path).Path;

    /// <summary>Lists what a repair would do, and changes nothing.</summary>
    /// <exception cref="DiskImageException">As for CheckImage.</exception>
    public static RepairResult Plan(RepairImageOptions options, CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        using HostFile file = Open(options.Path, StorageAccess.Read, NullLogger.Instance);
        return Report(ImageRepairer.Plan(file, options.Mode, cancellation), new UndoFile(file.Path), options);
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
        progress?.Report(new OperationProgress("Repairing", 0, 0, IsBytes: false));
        using HostFile file = Open(options.Path, StorageAccess.Write, logger);
        var undo = new UndoFile(file.Path);
        if (options.DiscardUndo)
            undo.Remove();
        (CheckResult Check, List<RepairChange> Changes) done = new ReversibleRepair(file, undo).Run(options.Mode, cancellation);
        if (options.DiscardUndo)
            undo.Remove();
        foreach (RepairChange change in done.Changes)
            Log.RepairChange(logger, file.Path, change.Description);
        return Report(done, undo, options);
    }

    /// <summary>Puts an image back byte for byte as it was before the repair, also one that was cut short, and removes the undo file.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="force">Whether to do so although the image was changed after the repair, or the undo file is damaged; old and new are mixed then.</param>
    /// <param name="logger">Receives what was done.</param>
    /// <exception cref="DiskImageException">ImageNotFound without an undo file; ImageCorrupt where the image was changed after the repair, or the undo file is damaged.</exception>
    public static void Undo(string path, bool force = false, ILogger? logger = null)
    {
        logger ??= NullLogger.Instance;
        using HostFile file = HostFile.Open(path, StorageAccess.Write);
        MissingLocks.Tell(file, logger);
        new ReversibleRepair(file, new UndoFile(file.Path)).Undo(force);
        Log.RepairUndone(logger, file.Path);
    }

    private static RepairResult Report((CheckResult Check, List<RepairChange> Changes) done, UndoFile undo, RepairImageOptions options) => new()
    {
        Check = done.Check with { Issues = done.Check.Issues.Take(options.MaximumIssues).ToArray() },
        Changes = done.Changes.Take(options.MaximumIssues).ToArray(),
        UndoPath = undo.Exists ? undo.Path : null,
    };

    private static HostFile Open(string path, StorageAccess access, ILogger logger)
        => QedFile.Open(path, access, logger, "only QED images have tables that can be repaired");
}
