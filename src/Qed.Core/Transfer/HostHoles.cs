using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>
/// Finds where data, as the format has it, lies on a hole of its file: space that was allocated ahead, or parts of clusters
/// that were never written. It reads as zeroes and need not be read at all. Not thread-safe.
/// </summary>
internal sealed class HostHoles
{
    // Of each file the run that the host last told of: an image whose clusters lie in any order asks about one long
    // run again and again, and some file systems walk through all of its pages to find its end.
    private readonly Dictionary<BlockStorage, StorageExtent> _known = [];

    /// <summary>Whether a run of data starts with a hole at an offset, and how far that hole, or what is none, goes.</summary>
    /// <param name="run">The run.</param>
    /// <param name="offset">A guest offset inside it.</param>
    internal (bool IsHole, long Length) At(ChainExtent run, long offset)
    {
        long length = run.Run.End.Value - offset;
        if (run.Run.HostOffset is not { } start || run.Holder.ExtentStorage is not { } storage)
            return (false, length);
        long host = start.Value + (offset - run.Run.Offset.Value);
        StorageExtent extent = ExtentAt(storage, host);
        // What lies beyond the end of the file is no hole but missing: reading it reports that.
        if (extent.IsHole && host + length > storage.Length)
            return (false, length);
        return (extent.IsHole, Math.Min(length, extent.End - host));
    }

    private StorageExtent ExtentAt(BlockStorage storage, long offset)
    {
        bool isKnown = _known.TryGetValue(storage, out StorageExtent known);
        if (isKnown && offset >= known.Offset && offset < known.End)
            return known;
        StorageExtent extent = storage.NextExtent(offset);
        if (isKnown && extent.IsHole == known.IsHole && extent.Offset < known.Offset && extent.End >= known.Offset)
            extent = extent with { Length = Math.Max(extent.End, known.End) - extent.Offset };
        _known[storage] = extent;
        return extent;
    }
}
