using System.Collections.Generic;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// The pages of L2 tables that are held in memory, and which of them have changed. Pages that have changed stay until
/// they are written.
/// </summary>
internal sealed class TableCache
{
    private readonly BlockStorage _storage;
    private readonly long _tableBytes;
    private readonly PageCache<TablePage> _pages;

    // Guarded by itself, after a page's own lock.
    private readonly HashSet<TablePage> _waiting = [];

    internal TableCache(BlockStorage storage, QedGeometry geometry, long budget)
    {
        _storage = storage;
        _tableBytes = geometry.TableBytes;
        _pages = new PageCache<TablePage>(storage, budget, offset => new TablePage(offset, _waiting));
    }

    /// <summary>Whether so many pages wait to be written that the cache can hardly hold any others.</summary>
    internal bool IsMostlyDirty
    {
        get
        {
            lock (_waiting)
                return _waiting.Count >= _pages.Capacity / 2;
        }
    }

    /// <summary>The page that holds an entry of a table.</summary>
    internal TablePage PageOf(HostOffset table, int index)
    {
        long inTable = (long)(index & -TablePage.Entries) * TableEntry.Size;
        TablePage page = _pages.Get(table.Value + inTable, table.Value + _tableBytes);
        if (!page.IsWhole)
            RequireUse(page);
        return page;
    }

    /// <summary>Sets entries of a table, all in one page: see <see cref="TablePage.TrySet"/>.</summary>
    internal void Set(HostOffset table, int index, int count, ulong first, ulong step, bool comesAfterData)
    {
        while (!PageOf(table, index).TrySet(index & (TablePage.Entries - 1), count, first, step, comesAfterData))
        {
            // The page has just left the cache, and is read anew.
        }
    }

    /// <summary>Takes what has changed since it was taken last; each change is to be ended.</summary>
    /// <param name="changes">Receives it, as much as was taken where this throws.</param>
    internal void TakeChanges(List<TablePage.Change> changes)
    {
        TablePage[] pages;
        lock (_waiting)
            pages = [.. _waiting];
        foreach (TablePage page in pages)
        {
            if (page.TakeChanges() is { } change)
                changes.Add(change);
        }
    }

    /// <summary>Forgets all pages; none may wait to be written.</summary>
    internal void Clear() => _pages.Clear();

    /// <summary>Refuses a page that not all is known of, where all is needed; the next one who wants it asks the disk again.</summary>
    private void RequireUse(TablePage page)
    {
        try
        {
            if (page.Length < CachedPage.Size)
                throw CutOff(page);
            // A table that is to be changed must be known whole.
            for (int place = 0; _storage.CanWrite && place < CachedPage.Size;)
                place += page.ReadableAt(place);
        }
        catch
        {
            _pages.Forget(page);
            throw;
        }
    }

    private DiskImageException CutOff(TablePage page)
        => new(ErrorKind.ImageCorrupt, "an L2 table is cut off by the end of the file", _storage.Path)
        {
            Structure = "L2 table",
            Offset = page.Offset,
            Remedy = new(RemedyKind.ListDamage),
        };
}
