using System;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>Writes the block allocation table of a fresh file from its first entry to its last; what is all zeroes stays a hole.</summary>
/// <param name="target">The image's file.</param>
/// <param name="region">Where the table lies.</param>
internal sealed class BlockTableWriter(BlockStorage target, FileRange region)
{
    private const int EntriesInPage = 1 << 13;

    private readonly ulong[] _entries = new ulong[EntriesInPage];
    // The page that is being filled; none where it is all zeroes.
    private long _page = -1;

    /// <summary>Sets an entry, behind all that were set before.</summary>
    internal void Put(long index, BatEntry entry)
    {
        if (index / EntriesInPage != _page)
        {
            Flush();
            _page = index / EntriesInPage;
        }

        _entries[index % EntriesInPage] = entry.Value;
    }

    /// <summary>Writes what is not written yet.</summary>
    internal void Flush()
    {
        if (_page < 0)
            return;
        TableCodec.Convert(_entries);
        // Regions are whole MiB, pages 64 KiB: none reaches past the end.
        target.Write(region.Offset + (_page * EntriesInPage * BatEntry.Size), TableCodec.Bytes(_entries));
        Array.Clear(_entries, 0, _entries.Length);
        _page = -1;
    }
}
