using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>Repairs an image that nobody else uses so that it can be put back byte for byte, also after a crash at any point.</summary>
internal sealed class ReversibleRepair(BlockStorage image, IUndoStore store)
{
    private CheckResult? _found;

    /// <summary>What was wrong before the repair.</summary>
    internal CheckResult Found => _found ?? throw new System.InvalidOperationException("Nothing was repaired.");

    /// <summary>Repairs the image; its journal is started by the first change.</summary>
    /// <returns>What is wrong afterwards, and what was done.</returns>
    internal (CheckResult Check, List<RepairChange> Changes) Run(RepairMode mode, CancellationToken cancellation)
        => Run(mode, null, cancellation);

    /// <summary>Repairs the image; its journal is started by the first change.</summary>
    /// <returns>What is wrong afterwards, and what was done.</returns>
    internal (CheckResult Check, List<RepairChange> Changes) Run(RepairMode mode, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        using var storage = new JournaledStorage(image, StartJournal, progress, cancellation);
        // A repair that was cut short is ended, also where nothing is left to be done.
        if (UndoInspection.HeaderOf(store) is { IsUnfinished: true })
            storage.Begin();
        var repairer = new ImageRepairer(storage, mode, progress, cancellation);
        CheckResult check = repairer.Run();
        _found = repairer.Found;
        if (storage.Journal is null && MarkedHeader.Read(image) is { IsUnfinished: true })
        {
            storage.Begin();
            repairer.Changes.Add(new RepairChange("Clear the mark of a repair that was cut short and whose undo file is gone"));
        }

        storage.Journal?.Complete(image);
        return (check, repairer.Changes);
    }

    /// <summary>Keeps no journal after the repair.</summary>
    internal void Discard()
    {
        if (MarkedHeader.Read(image) is not null)
            MarkedHeader.Write(image, null);
        store.Remove();
    }

    /// <summary>Puts the image back as it was before its repair, also one that was cut short, and removes the journal unless it is damaged.</summary>
    /// <param name="force">Whether to do so although the image was changed since or the journal is damaged.</param>
    internal UndoResult Undo(bool force) => Undo(force, ProgressMeter.Silent, CancellationToken.None);

    /// <summary>Puts the image back as it was before its repair, also one that was cut short, and removes the journal unless it is damaged.</summary>
    /// <param name="force">Whether to do so although the image was changed since or the journal is damaged.</param>
    /// <param name="progress">Told how many bytes are back.</param>
    /// <param name="cancellation">Honoured between writes; undoing again goes on.</param>
    internal UndoResult Undo(bool force, ProgressMeter progress, CancellationToken cancellation)
    {
        if (!store.Exists)
            throw new DiskImageException(ErrorKind.ImageNotFound, "there is no undo file of a repair", image.Path) { Remedy = store.WhereItWouldBe };
        var result = new UndoResult { Path = image.Path, IsExact = false, RestoredBytes = 0, IsCutOff = true };
        using (UndoJournal? journal = OpenJournal())
        {
            if (journal is null && !force)
                throw new DiskImageException(ErrorKind.ImageCorrupt, "the undo file is empty, so nothing can be put back", store.Path) { Remedy = new(RemedyKind.DiscardUndo) };
            if (journal is not null)
                result = PutBack(journal, force, progress, cancellation);
        }

        // What could not all be used may still be of use to somebody.
        if (result.LostRanges.Count > 0 || result.IsCutOff)
            return result with { UndoPath = store.Path };
        store.Remove();
        return result;
    }

    private UndoResult PutBack(UndoJournal journal, bool force, ProgressMeter progress, CancellationToken cancellation)
    {
        bool fits = !journal.IsDamaged && journal.Fits(image);
        if (!fits && !force)
            throw DoesNotFit(journal);
        bool isExact = fits && journal.Phase != UndoPhase.UndoingByForce;
        // Where only the removal of the journal was missing there is nothing to write.
        long restored = fits && journal.IsUndone(image) ? 0 : journal.Restore(image, isForced: !isExact, progress, cancellation);
        return new UndoResult
        {
            Path = image.Path,
            IsExact = isExact,
            RestoredBytes = restored,
            LostRanges = journal.Damaged.Select(record => new ByteRange(record.Offset, record.Length)).ToArray(),
            IsCutOff = journal.IsCutOff,
        };
    }

    private DiskImageException DoesNotFit(UndoJournal journal)
    {
        if (journal.IsDamaged)
            return new DiskImageException(ErrorKind.ImageCorrupt, "the undo file is damaged, so not everything can be put back", store.Path) { Remedy = new(RemedyKind.ForceDamagedUndo) };
        string rule = journal.Phase == UndoPhase.Repaired
            ? "the image was changed after the repair, or is another one, so undoing it would mix old and new"
            : "the undo file of a repair that was cut short is of another state of the image: it was written since, or replaced";
        return new DiskImageException(ErrorKind.ImageCorrupt, rule, image.Path) { Remedy = new(RemedyKind.ForceLateUndo) };
    }

    /// <summary>A repair of a repaired image goes on with its journal, so that undoing leads back to the very start.</summary>
    private UndoJournal StartJournal()
    {
        if (store.Exists)
        {
            if (OpenJournal() is { } old)
                return Continue(old);
            // A crash came before anything was changed.
            store.Remove();
        }

        // What a killed process has written may be in memory still: nothing is moved to where a crash could bring an entry back that leads there.
        image.Flush();
        UndoJournal journal = CreateJournal();
        try
        {
            journal.MarkImage(image, isUnfinished: true);
            return journal;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>A journal that could not be started is not left behind: nothing was changed yet.</summary>
    private UndoJournal CreateJournal()
    {
        BlockStorage file = store.Create();
        try
        {
            return UndoJournal.Create(file, image, NewId());
        }
        catch
        {
            file.Dispose();
            Abandon();
            throw;
        }
    }

    private void Abandon()
    {
        try
        {
            store.Remove();
        }
        catch (DiskImageException)
        {
            // What kept the journal from being started is the error to report; an empty one does no harm.
        }
    }

    private static uint NewId()
    {
        byte[] bytes = new byte[sizeof(uint)];
        using (var random = RandomNumberGenerator.Create())
            random.GetBytes(bytes);
        return System.BitConverter.ToUInt32(bytes, 0) % RepairMark.IdLimit;
    }

    private UndoJournal Continue(UndoJournal journal)
    {
        string? reason = journal switch
        {
            { Phase: UndoPhase.Undoing or UndoPhase.UndoingByForce } => "undoing an earlier repair has begun and not ended",
            { IsDamaged: true } => "the undo file of an earlier repair is damaged",
            _ when !journal.Fits(image) => "the undo file of an earlier repair does not fit the image any more",
            _ => null,
        };
        bool isUndoing = journal.Phase is UndoPhase.Undoing or UndoPhase.UndoingByForce;
        if (reason is null)
        {
            journal.Resume(image);
            return journal;
        }

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
