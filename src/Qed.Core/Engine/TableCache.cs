using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Engine;

/// <summary>Keeps recently used pages of L2 tables in bounded memory. Reading one from disk blocks only those who want that page.</summary>
internal sealed class TableCache
{
    /// <summary>Largest page in bytes; a smaller table is one page.</summary>
    internal const int PageBytes = 1 << 16;

    private const int MaximumPages = 256;

    private readonly BlockStorage _storage;
    private readonly object _lock = new();
    private readonly Dictionary<HostOffset, TablePage> _pages = [];
    private long _clock;

    internal TableCache(BlockStorage storage, QedGeometry geometry)
    {
        _storage = storage;
        EntriesPerPage = (int)Math.Min(PageBytes, geometry.TableBytes) / TableEntry.Size;
    }

    internal int EntriesPerPage { get; }

    /// <summary>Whether so many pages wait to be written that the cache can hardly hold any others.</summary>
    internal bool IsMostlyDirty
    {
        get
        {
            lock (_lock)
                return _pages.Count >= MaximumPages / 2 && _pages.Values.Count(page => page.IsDirty) >= MaximumPages / 2;
        }
    }

    /// <summary>Holds the page at an offset in memory; call <see cref="Unpin"/> when done.</summary>
    internal TablePage Pin(HostOffset offset)
    {
        TablePage page;
        lock (_lock)
        {
            if (!_pages.TryGetValue(offset, out page!))
            {
                if (_pages.Count >= MaximumPages)
                    EvictOldest();
                page = new TablePage(offset, EntriesPerPage);
                _pages.Add(offset, page);
            }

            page.Pins++;
            page.LastUse = ++_clock;
        }

        try
        {
            page.EnsureLoaded(_storage);
            return page;
        }
        catch
        {
            Unpin(page);
            throw;
        }
    }

    internal void Unpin(TablePage page)
    {
        lock (_lock)
            page.Pins--;
    }

    /// <summary>Pins every page that has changed.</summary>
    internal List<TablePage> PinDirty()
    {
        lock (_lock)
        {
            List<TablePage> dirty = _pages.Values.Where(page => page.IsDirty).ToList();
            foreach (TablePage page in dirty)
                page.Pins++;
            return dirty;
        }
    }

    /// <summary>Forgets all pages; none may be pinned or changed.</summary>
    internal void Clear()
    {
        lock (_lock)
            _pages.Clear();
    }

    private void EvictOldest()
    {
        // A quarter at a time, so that a scan over many tables does not sort the cache at every step.
        List<TablePage> idle = _pages.Values.Where(page => page.Pins == 0 && !page.IsDirty).OrderBy(page => page.LastUse).Take(MaximumPages / 4).ToList();
        foreach (TablePage page in idle)
            _pages.Remove(page.Offset);
    }
}
