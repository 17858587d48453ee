using System.Collections.Generic;
using System.Linq;

namespace Qed.Formats;

/// <summary>
/// The table of a disk under construction: one number a cluster, in pages that exist only where something was set, so
/// that a sparse disk's table is never held whole. Not thread-safe.
/// </summary>
internal sealed class EntryPages
{
    /// <summary>Entries in a page: 64 KiB of them.</summary>
    internal const int EntriesPerPage = 1 << 13;

    private readonly Dictionary<long, ulong[]> _pages = [];

    /// <summary>The pages that exist with the number of their first entry, in order.</summary>
    internal IEnumerable<(long First, ulong[] Entries)> InOrder
        => _pages.OrderBy(page => page.Key).Select(page => (page.Key * EntriesPerPage, page.Value));

    /// <summary>An entry to be set; makes its page exist.</summary>
    internal ref ulong this[long index]
    {
        get
        {
            long key = index / EntriesPerPage;
            if (!_pages.TryGetValue(key, out ulong[]? page))
                _pages.Add(key, page = new ulong[EntriesPerPage]);
            return ref page[index % EntriesPerPage];
        }
    }
}
