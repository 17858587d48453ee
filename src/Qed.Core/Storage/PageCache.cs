using System;
using System.Collections.Concurrent;
using System.Collections.Generic;

namespace Qed.Storage;

/// <summary>
/// Keeps recently used pages of a file's tables in bounded memory. Threads may share it: one that finds its page takes no
/// lock and writes nothing that others read; reading a page from disk blocks only those who want it.
/// </summary>
/// <remarks>
/// Pages leave by the clock algorithm: a hand goes round, passes over those that were used since it came by last, and
/// takes the first other. Where pages are missed in order, many are read at a time.
/// </remarks>
/// <typeparam name="TPage">What is known of a page besides its bytes.</typeparam>
internal sealed class PageCache<TPage>
    where TPage : CachedPage
{
    /// <summary>What is read at a time, at most and at places that are a multiple of it, of tables that are read in order.</summary>
    internal const int ReadAheadBytes = 1 << 16;

    private readonly BlockStorage _storage;
    private readonly Func<long, TPage> _create;
    private readonly int _capacity;

    // Changed under the lock only, and read without.
    private readonly ConcurrentDictionary<long, TPage> _pages = new(concurrencyLevel: 1, capacity: 31);
    private readonly object _lock = new();
    private readonly List<TPage> _clock = [];
    private int _hand;

    /// <param name="storage">The file.</param>
    /// <param name="budget">Bytes that the pages may take: see <see cref="PageBudget"/>.</param>
    /// <param name="create">Makes the page for an offset, without its bytes.</param>
    internal PageCache(BlockStorage storage, long budget, Func<long, TPage> create)
    {
        _storage = storage;
        _create = create;
        _capacity = (int)(PageBudget.Require(budget) / CachedPage.Size);
    }

    /// <summary>The pages that are held now.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
                return _clock.Count;
        }
    }

    /// <summary>The most that are held, except where more must not leave.</summary>
    internal int Capacity => _capacity;

    /// <summary>The page at an offset, loaded.</summary>
    /// <param name="offset">A multiple of the page's size, not negative.</param>
    /// <param name="end">Where what is a table ends: nothing is read ahead behind it.</param>
    /// <exception cref="DiskImageException">The system refused the read. Sectors that cannot be read are no error: see <see cref="CachedPage.ReadableAt"/>.</exception>
    internal TPage Get(long offset, long end)
    {
        if (_pages.TryGetValue(offset, out TPage? page))
            page.MarkUsedAgain();
        else
            page = Add(offset, end);
        page.EnsureLoaded(_storage);
        return page;
    }

    /// <summary>Lets go of a page that is of no use, so that the next one who wants it reads it anew.</summary>
    internal void Forget(TPage page)
    {
        lock (_lock)
        {
            if (_clock.Remove(page))
                Leave(page);
        }
    }

    /// <summary>Forgets all pages; none may have to stay.</summary>
    internal void Clear()
    {
        lock (_lock)
        {
            foreach (TPage page in _clock)
                page.TryLeave();
            _pages.Clear();
            _clock.Clear();
        }
    }

    private TPage Add(long offset, long end)
    {
        lock (_lock)
        {
            if (_pages.TryGetValue(offset, out TPage? known))
                return known;
            List<TPage> pages = NewPages(offset, end);
            _ = new PageLoad(pages);
            // The wanted one last: it is the last that the hand comes to.
            for (int i = pages.Count - 1; i >= 0; i--)
                Place(pages[i]);
            return pages[0];
        }
    }

    /// <summary>The page at an offset and, where its two predecessors are known, those that one read can bring besides.</summary>
    private List<TPage> NewPages(long offset, long end)
    {
        var pages = new List<TPage> { _create(offset) };
        if (!_pages.ContainsKey(offset - CachedPage.Size) || !_pages.ContainsKey(offset - (2 * CachedPage.Size)))
            return pages;
        long readEnd = Math.Min(end, (offset | (ReadAheadBytes - 1)) + 1);
        for (long next = offset + CachedPage.Size; next <= readEnd - CachedPage.Size && !_pages.ContainsKey(next); next += CachedPage.Size)
            pages.Add(_create(next));
        return pages;
    }

    private void Place(TPage page)
    {
        while (_clock.Count > _capacity && FindLeaver())
        {
            _clock[_hand] = _clock[_clock.Count - 1];
            _clock.RemoveAt(_clock.Count - 1);
        }

        // Where all must stay, too much memory is better than no way on.
        if (_clock.Count >= _capacity && FindLeaver())
            _clock[_hand++] = page;
        else
            _clock.Add(page);
        _pages[page.Offset] = page;
    }

    /// <summary>Moves the hand on to a page that leaves, and takes it out of the cache.</summary>
    private bool FindLeaver()
    {
        for (int steps = 2 * _clock.Count; steps > 0; steps--, _hand++)
        {
            if (_hand >= _clock.Count)
                _hand = 0;
            TPage page = _clock[_hand];
            if (page.TakeUsedAgain() || !page.TryLeave())
                continue;
            Leave(page);
            return true;
        }

        return false;
    }

    private void Leave(TPage page) => _pages.TryRemove(page.Offset, out _);
}
