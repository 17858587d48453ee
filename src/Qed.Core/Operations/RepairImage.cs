using System;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Formats;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>
/// Mends a QED image in place. What stood in the image before each change is in an undo file beside it, on stable storage,
/// before the change is made: also after a crash the image can be put back byte for byte.
/// </summary>
public static class RepairImage
{
    private const string UndoExtension = ".undo";

    /// <summary>Where the undo file of an image lies: beside it, with the same name and ".undo".</summary>
    public static string UndoPathOf(string path) => Path.GetFullPath(path) + UndoExtension;

    /// <summary>Lists what a repair would do, and changes nothing.</summary>
    /// <exception cref="DiskImageException">As for CheckImage.</exception>
    public static RepairResult Plan(RepairImageOptions options, CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        using HostFile file = Open(options.Path, StorageAccess.Read);
        var repairer = new ImageRepairer(file, options.Mode, cancellation);
        CheckResult check = repairer.Plan();
        return new RepairResult { Check = check, Changes = repairer.Changes.Take(options.MaximumIssues).ToArray(), UndoPath = UndoPathOf(options.Path) };
    }

    /// <summary>Repairs one image.</summary>
    /// <exception cref="DiskImageException">
    /// The header breaks a rule or the file cannot be written; ImageExists where an undo file is there that does not fit
    /// the image any more; NotEnoughSpace, after which the image can be put back or the repair run again.
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
        using HostFile file = Open(options.Path, StorageAccess.Write);
        if (options.DiscardUndo)
            RemoveUndo(file.Path);
        using var storage = new JournaledStorage(file, () => StartJournal(file));
        var repairer = new ImageRepairer(storage, options.Mode, cancellation);
        CheckResult check = repairer.Run();
        storage.Journal?.Complete(storage);
        bool hasUndo = storage.Journal is not null;
        storage.Dispose();
        if (hasUndo && options.DiscardUndo)
            RemoveUndo(file.Path);
        foreach (RepairChange change in repairer.Changes)
            Log.RepairChange(logger, file.Path, change.Description);
        return new RepairResult
        {
            Check = check with { Issues = check.Issues.Take(options.MaximumIssues).ToArray() },
            Changes = repairer.Changes.Take(options.MaximumIssues).ToArray(),
            UndoPath = hasUndo && !options.DiscardUndo ? UndoPathOf(file.Path) : null,
        };
    }

    /// <summary>Puts an image back byte for byte as it was before the repair, also one that was cut short, and removes the undo file.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="force">Whether to do so although the image was changed after the repair, which then is lost.</param>
    /// <param name="logger">Receives what was done.</param>
    /// <exception cref="DiskImageException">ImageNotFound without an undo file; ImageCorrupt where the image was changed after the repair.</exception>
    public static void Undo(string path, bool force = false, ILogger? logger = null)
    {
        using HostFile file = HostFile.Open(path, StorageAccess.Write);
        if (!File.Exists(UndoPathOf(file.Path)))
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, "there is no undo file of a repair", file.Path)
            {
                Hint = $"It would be '{UndoPathOf(file.Path)}'.",
            };
        }

        using (UndoJournal? journal = OpenJournal(file.Path))
        {
            if (journal is { IsCompleted: true } && !force && !journal.Matches(file))
            {
                throw new DiskImageException(ErrorKind.ImageCorrupt, "the image was changed after the repair, so undoing it would mix old and new", file.Path)
                {
                    Hint = "With -Force it is put back all the same; what was written since is lost.",
                };
            }

            journal?.Restore(file);
        }

        RemoveUndo(file.Path);
        Log.RepairUndone(logger ?? NullLogger.Instance, file.Path);
    }

    /// <summary>Removes the undo file of an image, if there is one.</summary>
    public static void RemoveUndo(string path)
    {
        string undo = UndoPathOf(path);
        try
        {
            File.Delete(undo);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw StorageErrors.Translate(error, undo);
        }

        HostFile.FlushFolderOf(undo);
    }

    private static HostFile Open(string path, StorageAccess access)
    {
        HostFile file = HostFile.Open(path, access);
        try
        {
            if (FormatRegistry.Probe(file).Name != "qed")
                throw new DiskImageException(ErrorKind.UnsupportedFeature, "only QED images have tables that can be repaired", file.Path);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A repair of a repaired image goes on with its journal, so that undoing leads back to the very start.</summary>
    private static UndoJournal StartJournal(HostFile image)
    {
        string path = UndoPathOf(image.Path);
        if (File.Exists(path))
        {
            UndoJournal? journal = OpenJournal(image.Path);
            if (journal is not null)
                return Continue(journal, image);
            // A crash came before its first record: nothing was changed.
            RemoveUndo(image.Path);
        }

        HostFile file = HostFile.Create(path);
        // It holds what the guest wrote, and the image may be nobody else's to read.
        file.MakePrivate();
        HostFile.FlushFolderOf(path);
        return UndoJournal.Create(file, image.Length);
    }

    private static UndoJournal Continue(UndoJournal journal, HostFile image)
    {
        if (!journal.IsUndoing && (!journal.IsCompleted || journal.Matches(image)))
            return journal;
        bool isUndoing = journal.IsUndoing;
        journal.Dispose();
        throw new DiskImageException(
            ErrorKind.ImageExists,
            isUndoing ? "undoing an earlier repair has begun and not ended" : "the undo file of an earlier repair does not fit the image any more",
            UndoPathOf(image.Path))
        {
            Hint = isUndoing ? "Repair-QedImage -Undo ends it." : "Repair-QedImage -DiscardUndo removes it.",
        };
    }

    private static UndoJournal? OpenJournal(string imagePath)
    {
        HostFile file = HostFile.Open(UndoPathOf(imagePath), StorageAccess.Write);
        UndoJournal? journal = UndoJournal.TryOpen(file);
        if (journal is null)
            file.Dispose();
        return journal;
    }
}
