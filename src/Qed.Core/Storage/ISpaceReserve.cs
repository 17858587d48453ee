namespace Qed.Storage;

/// <summary>A storage that can take its space on the host ahead of what is written.</summary>
internal interface ISpaceReserve
{
    /// <summary>Takes disk space for a range that is about to be written whole, so that it lies in one piece.</summary>
    /// <remarks>Only a hint: where it fails the writes themselves find the space, or report that there is none.</remarks>
    void Preallocate(long offset, long length);

    /// <summary>Makes an empty file one that Windows attaches as a disk: with no holes to come, and not compressed.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature: the file system does not let it be so.</exception>
    void MakePlain();
}
