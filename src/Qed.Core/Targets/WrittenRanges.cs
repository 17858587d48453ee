using System;
using System.Collections.Generic;

namespace Qed.Targets;

/// <summary>Which ranges of a file were written, as a sorted list of runs that neither touch nor overlap. Not thread-safe.</summary>
internal sealed class WrittenRanges
{
    private readonly List<Range> _runs = [];

    /// <summary>Runs in the list, each 16 bytes of memory.</summary>
    internal int Count => _runs.Count;

    internal void Add(long start, long end)
    {
        if (start >= end)
            return;
        int first = FirstEndingAtOrAfter(start);
        int next = first;
        while (next < _runs.Count && _runs[next].Start <= end)
        {
            start = Math.Min(start, _runs[next].Start);
            end = Math.Max(end, _runs[next].End);
            next++;
        }

        Replace(first, next, new Range(start, end));
    }

    internal void Remove(long start, long end)
    {
        if (start >= end)
            return;
        int first = FirstEndingAtOrAfter(start);
        int next = first;
        var left = new List<Range>();
        while (next < _runs.Count && _runs[next].Start < end)
        {
            if (_runs[next].Start < start)
                left.Add(new Range(_runs[next].Start, start));
            if (_runs[next].End > end)
                left.Add(new Range(end, _runs[next].End));
            next++;
        }

        Replace(first, next, [.. left]);
    }

    /// <summary>The first gap from an offset on, which ends at the latest at a limit; null where there is none before it.</summary>
    internal (long Start, long End)? GapFrom(long offset, long limit)
    {
        int run = FirstEndingAtOrAfter(offset);
        while (run < _runs.Count && _runs[run].Start <= offset)
            offset = Math.Max(offset, _runs[run++].End);
        if (offset >= limit)
            return null;
        return (offset, run < _runs.Count ? Math.Min(limit, _runs[run].Start) : limit);
    }

    /// <summary>Where the run in the middle of the list starts.</summary>
    internal long MiddleStart => _runs[_runs.Count / 2].Start;

    private void Replace(int first, int next, params Range[] runs)
    {
        // Nearly always one run grows at its end.
        if (runs.Length == 1 && next == first + 1)
        {
            _runs[first] = runs[0];
            return;
        }

        _runs.RemoveRange(first, next - first);
        _runs.InsertRange(first, runs);
    }

    private int FirstEndingAtOrAfter(long offset)
    {
        int low = 0;
        for (int high = _runs.Count; low < high;)
        {
            int middle = (low + high) / 2;
            if (_runs[middle].End < offset)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private readonly record struct Range(long Start, long End);
}
