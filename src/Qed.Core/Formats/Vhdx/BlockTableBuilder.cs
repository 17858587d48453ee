using System.Collections.Generic;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>A block allocation table in the making; only its pages that say something are held in memory.</summary>
internal sealed class BlockTableBuilder
{
    private const int EntriesInPage = 1 << 13;

    private readonly Dictionary<long, ulong[]> _pages = [];

    internal BatEntry this[long index]
    {
        get => _pages.TryGetValue(index / EntriesInPage, out ulong[]? page) ? new BatEntry(page[index % EntriesInPage]) : default;
        set
        {
            long key = index / EntriesInPage;
            if (!_pages.TryGetValue(key, out ulong[]? page))
                _pages.Add(key, page = new ulong[EntriesInPage]);
            page[index % EntriesInPage] = value.Value;
        }
    }

    /// <summary>Writes the table, which cannot be used after.</summary>
    internal void Write(BlockStorage target, FileRange region)
    {
        foreach (KeyValuePair<long, ulong[]> page in _pages)
        {
            TableCodec.Convert(page.Value);
            long inTable = page.Key * EntriesInPage * BatEntry.Size;
            // Regions are whole MiB, pages 64 KiB: none reaches past the end.
            target.Write(region.Offset + inTable, TableCodec.Bytes(page.Value));
        }
    }
}
