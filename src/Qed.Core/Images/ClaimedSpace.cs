using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Images;

/// <summary>
/// Which units of a file have an owner. Neighbours that are claimed melt into runs, so space that is claimed in order takes
/// next to nothing, and such in any order a bit a unit at most. Beyond a bound of memory nothing more is noted. Not
/// thread-safe.
/// </summary>
internal sealed class ClaimedSpace
{
    private const int UnitsInPage = 1 << 15;
    // What a page with its entry takes beside its runs or bits.
    private const int PageOverhead = 128;

    private readonly Dictionary<long, Page> _pages = [];
    private readonly long _mostBytes;

    /// <param name="mostBytes">Bytes of memory to take; the default is enough for 500 million units in any order, and for many more in order.</param>
    internal ClaimedSpace(long mostBytes = 64 << 20) => _mostBytes = mostBytes;

    /// <summary>Bytes of memory that are taken, roughly.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Whether the bound was reached: what is claimed from then on is not noted, so that no claim of it fails.</summary>
    internal bool IsExhausted => Bytes >= _mostBytes;

    /// <summary>Whether any unit of a range has an owner.</summary>
    internal bool IsClaimed(long first, long count)
    {
        long end = first + count;
        // A range that a hostile header tells of may have more pages than there is time for.
        if (((end - 1) / UnitsInPage) - (first / UnitsInPage) >= _pages.Count)
            return IsAnyPageClaimed(first, end);
        for (long page = first / UnitsInPage; page * UnitsInPage < end; page++)
        {
            (int from, int to) = PartIn(page, first, end);
            if (_pages.TryGetValue(page, out Page? known) && known.Overlaps(from, to))
                return true;
        }

        return false;
    }

    /// <summary>Gives a range an owner.</summary>
    /// <param name="first">The first unit, not negative.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <returns>False, with nothing claimed, where one of its units has an owner.</returns>
    internal bool TryClaim(long first, long count)
    {
        if (IsClaimed(first, count))
            return false;
        Mark(first, first + count);
        return true;
    }

    /// <summary>Sees to it that all units of a range have an owner, whoever that is.</summary>
    /// <param name="first">The first unit, not negative.</param>
    /// <param name="end">Behind the last.</param>
    internal void Mark(long first, long end)
    {
        foreach ((long page, int from, int to) in PartsOf(first, end - first))
        {
            if (IsExhausted)
                break;
            if (!_pages.TryGetValue(page, out Page? known))
            {
                _pages.Add(page, known = new Page());
                Bytes += PageOverhead;
            }

            Bytes += known.Fill(from, to);
        }
    }

    /// <summary>As <see cref="IsClaimed"/>, by a look at each page that is known.</summary>
    private bool IsAnyPageClaimed(long first, long end)
        => _pages.Any(page => PartIn(page.Key, first, end) is var (from, to) && from < to && page.Value.Overlaps(from, to));

    private static IEnumerable<(long Page, int From, int To)> PartsOf(long first, long count)
    {
        for (long page = first / UnitsInPage; page * UnitsInPage < first + count; page++)
        {
            (int from, int to) = PartIn(page, first, first + count);
            yield return (page, from, to);
        }
    }

    /// <summary>What of a page a range has; nothing where the end is not above the start.</summary>
    private static (int From, int To) PartIn(long page, long first, long end)
    {
        long start = page * UnitsInPage;
        return ((int)Math.Min(UnitsInPage, Math.Max(0, first - start)), (int)Math.Max(0, Math.Min(UnitsInPage, end - start)));
    }

    /// <summary>The units of a stretch: as the bounds of runs while these are few, then as bits.</summary>
    private sealed class Page
    {
        private const int BitsInWord = 64;
        // From here on bits are shorter.
        private const int MostBounds = UnitsInPage / (8 * sizeof(ushort));

        // Where claimed runs start and end, in turn.
        private ushort[] _bounds = new ushort[2];
        private int _count;
        private ulong[]? _bits;

        internal bool Overlaps(int from, int to)
        {
            if (_bits is not null)
                return AnyBit(from, to);
            int next = BoundsUpTo(from);
            // An odd number of bounds before a unit means that it lies inside a run.
            return next % 2 == 1 || (next < _count && _bounds[next] < to);
        }

        /// <summary>Claims what is not claimed of a range, and tells by how many bytes the page has grown.</summary>
        internal int Fill(int from, int to)
        {
            int grown = 0;
            while (from < to && _bits is null)
            {
                int next = BoundsUpTo(from);
                bool isInRun = next % 2 == 1;
                int end = next < _count ? Math.Min(to, _bounds[next]) : to;
                if (!isInRun)
                    grown += AddRun(next, from, end);
                from = end;
            }

            if (_bits is not null)
                SetBits(from, to);
            return grown;
        }

        /// <summary>Adds units of which none is claimed, and tells by how many bytes the page has grown.</summary>
        private int AddRun(int at, int from, int to)
        {
            bool joinsBefore = at > 0 && _bounds[at - 1] == from;
            bool joinsAfter = at < _count && _bounds[at] == to;
            if (joinsBefore && joinsAfter)
                Remove(at - 1, 2);
            else if (joinsBefore)
                _bounds[at - 1] = (ushort)to;
            else if (joinsAfter)
                _bounds[at] = (ushort)from;
            else
                return Insert(at, (ushort)from, (ushort)to);
            return 0;
        }

        /// <summary>How many bounds are not above a unit.</summary>
        private int BoundsUpTo(int unit)
        {
            int low = 0;
            int high = _count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (_bounds[middle] <= unit)
                    low = middle + 1;
                else
                    high = middle;
            }

            return low;
        }

        private void Remove(int at, int count)
        {
            Array.Copy(_bounds, at + count, _bounds, at, _count - at - count);
            _count -= count;
        }

        private int Insert(int at, ushort from, ushort to)
        {
            int before = _bounds.Length;
            if (_count + 2 > MostBounds)
            {
                TurnIntoBits();
                SetBits(from, to);
                return (_bits!.Length * sizeof(ulong)) - (before * sizeof(ushort));
            }

            if (_count + 2 > before)
                Array.Resize(ref _bounds, Math.Min(MostBounds, before * 2));
            Array.Copy(_bounds, at, _bounds, at + 2, _count - at);
            _bounds[at] = from;
            _bounds[at + 1] = to;
            _count += 2;
            return (_bounds.Length - before) * sizeof(ushort);
        }

        private void TurnIntoBits()
        {
            _bits = new ulong[UnitsInPage / BitsInWord];
            for (int i = 0; i < _count; i += 2)
                SetBits(_bounds[i], _bounds[i + 1]);
            _bounds = [];
        }

        private void SetBits(int from, int to)
        {
            for (; from < to; from = (from | (BitsInWord - 1)) + 1)
                _bits![from / BitsInWord] |= MaskOf(from, to);
        }

        private bool AnyBit(int from, int to)
        {
            for (; from < to; from = (from | (BitsInWord - 1)) + 1)
            {
                if ((_bits![from / BitsInWord] & MaskOf(from, to)) != 0)
                    return true;
            }

            return false;
        }

        /// <summary>The bits of a range that lie in the word of its first one.</summary>
        private static ulong MaskOf(int from, int to)
        {
            int bit = from % BitsInWord;
            int count = Math.Min(BitsInWord - bit, to - from);
            return ulong.MaxValue >> (BitsInWord - count) << bit;
        }
    }
}
