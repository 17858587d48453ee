using Qed.Storage;

namespace Qed.Checking;

/// <summary>Tells, without changing anything, whether an undo file beside an image says that something was begun and not ended.</summary>
internal static class UndoInspection
{
    /// <summary>Whether a repair of an image, or undoing one, was cut short.</summary>
    internal static bool IsUnfinished(IUndoStore store) => HeaderOf(store) is { IsUnfinished: true };

    /// <summary>The header of the journal; null where there is none, it holds nothing, or it cannot be read: the image's own mark tells then.</summary>
    internal static UndoHeader? HeaderOf(IUndoStore store)
    {
        if (!store.Exists)
            return null;
        try
        {
            using BlockStorage file = store.Look();
            return UndoHeader.Read(file);
        }
        catch (DiskImageException)
        {
            return null;
        }
    }

    /// <summary>Refuses to change an image that a repair has left half done.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt.</exception>
    internal static void RequireFinished(BlockStorage image, IUndoStore store)
    {
        if (HeaderOf(store) is not { IsUnfinished: true } header)
        {
            RequireUnmarked(image);
            return;
        }

        bool fits = header.Fits(image);
        string what = header.Phase == UndoPhase.Repairing ? "a repair" : "undoing a repair";
        throw new DiskImageException(
            ErrorKind.ImageCorrupt,
            fits ? $"{what} of the image has begun and not ended, so it is not changed" : $"the undo file of {what} that has not ended lies beside the image, which is in another state",
            image.Path)
        {
            Remedy = new(!fits ? RemedyKind.DiscardUndo : header.Phase == UndoPhase.Repairing ? RemedyKind.FinishRepair : RemedyKind.FinishUndo),
        };
    }

    /// <summary>The undo file of an image on a block device may be anywhere; of a file whose undo file is gone a check decides.</summary>
    private static void RequireUnmarked(BlockStorage image)
    {
        if (!image.HasFixedLength || MarkedHeader.Read(image) is not { IsUnfinished: true })
            return;
        throw new DiskImageException(ErrorKind.ImageCorrupt, "a repair of the image, or undoing one, has begun and not ended, so it is not changed", image.Path)
        {
            Remedy = new(RemedyKind.FinishRepair) { Next = new(RemedyKind.GiveUndoPath) },
        };
    }
}
