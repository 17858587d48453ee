using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>The ranges of a disk that could not be read, in order and without neighbours. Threads may share it.</summary>
internal sealed class UnreadableRanges
{
    private readonly object _lock = new();
    private readonly List<GuestRange> _ranges = [];

    /// <summary>Bytes of all ranges.</summary>
    internal long Bytes
    {
        get
        {
            lock (_lock)
                return _ranges.Sum(range => range.Length);
        }
    }

    /// <summary>The ranges as they are known now.</summary>
    internal IReadOnlyList<GuestRange> ToList()
    {
        lock (_lock)
            return _ranges.ToArray();
    }

    /// <summary>Adds a range, which may overlap known ones.</summary>
    internal void Add(GuestOffset offset, long length)
    {
        lock (_lock)
        {
            GuestOffset end = offset + length;
            int first = FirstEndingAtOrAfter(offset);
            int next = first;
            while (next < _ranges.Count && _ranges[next].Offset <= end)
            {
                offset = _ranges[next].Offset < offset ? _ranges[next].Offset : offset;
                end = _ranges[next].End > end ? _ranges[next].End : end;
                next++;
            }

            _ranges.RemoveRange(first, next - first);
            _ranges.Insert(first, new GuestRange(offset, end - offset));
        }
    }

    /// <summary>How far from an offset on everything is known to be unreadable, or nothing is.</summary>
    /// <param name="offset">Guest offset.</param>
    /// <param name="maximum">The longest run that is of interest.</param>
    internal (bool IsUnreadable, long Length) RunAt(GuestOffset offset, long maximum)
    {
        lock (_lock)
        {
            int index = FirstEndingAtOrAfter(offset + 1);
            if (index == _ranges.Count)
                return (false, maximum);
            GuestRange range = _ranges[index];
            bool isUnreadable = range.Offset <= offset;
            return (isUnreadable, Math.Min(maximum, (isUnreadable ? range.End : range.Offset) - offset));
        }
    }

    /// <summary>Makes zeroes of those bytes of a piece of the disk that lie in one of the ranges.</summary>
    internal void Clear(GuestOffset offset, Span<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            (bool isUnreadable, long length) = RunAt(offset, piece.Length);
            if (isUnreadable)
                piece.Slice(0, (int)length).Clear();
            piece = piece.Slice((int)length);
            offset += length;
        }
    }

    private int FirstEndingAtOrAfter(GuestOffset offset)
    {
        int from = 0;
        int to = _ranges.Count;
        while (from < to)
        {
            int middle = (from + to) / 2;
            if (_ranges[middle].End < offset)
                from = middle + 1;
            else
                to = middle;
        }

        return from;
    }
}
