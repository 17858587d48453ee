using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Units;

namespace Qed.Formats;

/// <summary>
/// The table of a disk under construction: one number a cluster, in pages that exist only where something was set, so
/// that a sparse disk's table is never held whole. Not thread-safe.
/// </summary>
/// <param name="clusterBits">Binary logarithm of the cluster size.</param>
/// <param name="offsetMask">The bits of an entry that are the host offset of its cluster; none set for a cluster without.</param>
internal sealed class EntryPages(int clusterBits, ulong offsetMask)
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

    /// <summary>The first and the last cluster of a range.</summary>
    internal (long First, long Last) Clusters(GuestOffset offset, long length)
        => (offset.Value >> clusterBits, (offset.Value + length - 1) >> clusterBits);

    /// <summary>Gives the clusters of a range that have no entry yet one that holds no offset.</summary>
    internal void MarkUnset(GuestOffset offset, long length, ulong mark)
    {
        (long first, long last) = Clusters(offset, length);
        for (long cluster = first; cluster <= last; cluster++)
        {
            ref ulong entry = ref this[cluster];
            if (entry == 0)
                entry = mark;
        }
    }

    /// <summary>Where a range starts on the host, and how many bytes of it lie there in one piece.</summary>
    /// <exception cref="InvalidOperationException">Its first cluster has no place.</exception>
    internal (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        long clusterSize = 1L << clusterBits;
        (long cluster, long last) = Clusters(offset, wanted);
        ulong first = this[cluster] & offsetMask;
        if (first == 0)
            throw new InvalidOperationException("The range was not reserved.");
        long inCluster = offset.Value & (clusterSize - 1);
        long count = clusterSize - inCluster;
        for (ulong next = first; cluster < last && (this[cluster + 1] & offsetMask) == next + (ulong)clusterSize; cluster++)
        {
            next += (ulong)clusterSize;
            count += clusterSize;
        }

        return ((long)first + inCluster, Math.Min(count, wanted));
    }
}
