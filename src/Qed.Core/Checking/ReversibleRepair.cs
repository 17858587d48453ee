using System.Collections.Generic;
using System.Threading;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>Repairs an image that nobody else uses so that it can be put back byte for byte, also after a crash at any point.</summary>
internal sealed class ReversibleRepair(BlockStorage image, IUndoStore store)
{
    /// <summary>Repairs the image; its journal is started by the first change.</summary>
    /// <returns>What is wrong afterwards, and what was done.</returns>
    internal (CheckResult Check, List<RepairChange> Changes) Run(RepairMode mode, CancellationToken cancellation)
    {
        using var storage = new JournaledStorage(image, StartJournal);
        var repairer = new ImageRepairer(storage, mode, cancellation);
        CheckResult check = repairer.Run();
        storage.Journal?.Complete(image);
        return (check, repairer.Changes);
    }

    /// <summary>Puts the image back as it was before its repair, also one that was cut short, and removes the journal.</summary>
    /// <param name="force">Whether to do so although the image was changed since or the journal is damaged.</param>
    internal void Undo(bool force)
    {
        if (!store.Exists)
            throw new DiskImageException(ErrorKind.ImageNotFound, "there is no undo file of a repair", image.Path) { Remedy = Remedy.Advice($"It would be '{store.Path}'.") };
        using (UndoJournal? journal = OpenJournal())
        {
            if (journal is not null && !force)
                RequireExact(journal);
            journal?.Restore(image);
        }

        store.Remove();
    }

    private void RequireExact(UndoJournal journal)
    {
        if (journal.IsDamaged)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the undo file is damaged, so not everything can be put back", store.Path)
            {
                Remedy = new(RemedyKind.ForceDamagedUndo),
            };
        }

        if (!journal.IsUndoing && journal.IsCompleted && !journal.Matches(image))
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the image was changed after the repair, so undoing it would mix old and new", image.Path)
            {
                Remedy = new(RemedyKind.ForceLateUndo),
            };
        }
    }

    /// <summary>A repair of a repaired image goes on with its journal, so that undoing leads back to the very start.</summary>
    private UndoJournal StartJournal()
    {
        if (store.Exists)
        {
            if (OpenJournal() is { } journal)
                return Continue(journal);
            // A crash came before its header was there: nothing was changed.
            store.Remove();
        }

        return UndoJournal.Create(store.Create(), image.Length);
    }

    private UndoJournal Continue(UndoJournal journal)
    {
        string? reason = journal switch
        {
            { IsUndoing: true } => "undoing an earlier repair has begun and not ended",
            { IsDamaged: true } => "the undo file of an earlier repair is damaged",
            { IsCompleted: true } when !journal.Matches(image) => "the undo file of an earlier repair does not fit the image any more",
            _ => null,
        };
        if (reason is null)
        {
            journal.Resume();
            return journal;
        }

        bool isUndoing = journal.IsUndoing;
        journal.Dispose();
        throw new DiskImageException(ErrorKind.ImageExists, reason, store.Path)
        {
            Remedy = new(isUndoing ? RemedyKind.FinishUndo : RemedyKind.DiscardUndo),
        };
    }

    private UndoJournal? OpenJournal()
    {
        BlockStorage file = store.Open();
        UndoJournal? journal = null;
        try
        {
            journal = UndoJournal.TryOpen(file);
            return journal;
        }
        finally
        {
            if (journal is null)
                file.Dispose();
        }
    }
}
