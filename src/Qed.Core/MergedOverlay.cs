namespace Qed;

/// <summary>What becomes of an image whose contents were merged into one that it rests on.</summary>
public enum MergedOverlay
{
    /// <summary>It is emptied: it goes on resting on that image, and shows it. Only where no other image lies between the two; it is kept otherwise.</summary>
    Emptied,

    /// <summary>It stays as it was, and reads the same; nothing of it is needed any more.</summary>
    Kept,

    /// <summary>It is deleted after its contents were verified in the image that it was merged into, with those between the two.</summary>
    Deleted,
}
