using System;
using Qed.Units;

namespace Qed.Space;

/// <summary>
/// The clusters that can be given out again: a bit each, one more for those that read as zeroes, and a count for each few
/// thousand, so that looking for one passes quickly over what is full. Not thread-safe.
/// </summary>
internal sealed class FreeClusters
{
    private const int BlockBits = 12;

    private ulong[] _free = [];
    private ulong[] _zero = [];
    private int[] _inBlock = [];
    // No cluster below it is free.
    private long _lowest;

    internal long Count { get; private set; }

    private long Limit => (long)_free.Length << 6;

    /// <summary>Adds clusters, of whose contents nothing is known; those that are free stay as they are.</summary>
    internal void Add(ClusterRun run)
    {
        MakeRoom(run.End);
        for (long cluster = run.First.Value; cluster < run.End; cluster++)
        {
            if (IsFree(cluster))
                continue;
            _free[cluster >> 6] |= Bit(cluster);
            _inBlock[cluster >> BlockBits]++;
            Count++;
        }

        _lowest = Math.Min(_lowest, run.First.Value);
    }

    /// <summary>Takes clusters out, as far as they are free.</summary>
    internal void Remove(ClusterRun run)
    {
        for (long cluster = run.First.Value; cluster < Math.Min(run.End, Limit); cluster++)
        {
            if (!IsFree(cluster))
                continue;
            _free[cluster >> 6] &= ~Bit(cluster);
            _zero[cluster >> 6] &= ~Bit(cluster);
            _inBlock[cluster >> BlockBits]--;
            Count--;
        }
    }

    /// <summary>Notes that clusters, as far as they are free still, read as zeroes.</summary>
    internal void MarkZero(ClusterRun run)
    {
        for (long cluster = run.First.Value; cluster < Math.Min(run.End, Limit); cluster++)
        {
            if (IsFree(cluster))
                _zero[cluster >> 6] |= Bit(cluster);
        }
    }

    /// <summary>Takes a run out: at a place, if it is free there, else the lowest that is long enough.</summary>
    /// <param name="count">How many clusters are wanted; all of them alike where fewer will do.</param>
    /// <param name="minimum">How many at least.</param>
    /// <param name="near">Where they would lie best; negative where that is all the same.</param>
    /// <returns>Null where there is no such run.</returns>
    internal (ClusterRun Run, bool IsZero)? Take(long count, long minimum, long near)
    {
        if (Count < Math.Max(1, minimum))
            return null;
        if (IsFree(near) && RunAt(near, count, minimum) is { } best && best.Run.Count >= minimum)
            return TakeOut(best);
        _lowest = Next(_lowest);
        for (long start = _lowest; start < Limit;)
        {
            (ClusterRun Run, bool IsZero) found = RunAt(start, count, minimum);
            if (found.Run.Count >= minimum)
                return TakeOut(found);
            start = Next(found.Run.End);
        }

        return null;
    }

    /// <summary>Where the free clusters begin that reach up to an end; the end itself where the last one is in use.</summary>
    internal long TailBefore(long end)
    {
        while (IsFree(end - 1))
            end--;
        return end;
    }

    private (ClusterRun Run, bool IsZero) TakeOut((ClusterRun Run, bool IsZero) found)
    {
        Remove(found.Run);
        return found;
    }

    /// <summary>The free clusters from one on; where one would do only those that are like it.</summary>
    private (ClusterRun Run, bool IsZero) RunAt(long start, long count, long minimum)
    {
        bool isZero = IsZero(start);
        long end = start + 1;
        for (; end < start + count && IsFree(end); end++)
        {
            if (IsZero(end) == isZero)
                continue;
            if (minimum == 1)
                break;
            isZero = false;
        }

        return (new ClusterRun(new ClusterIndex(start), end - start), isZero);
    }

    /// <summary>The first free cluster at or behind a place; <see cref="Limit"/> where there is none.</summary>
    private long Next(long from)
    {
        while (from < Limit)
        {
            if (_inBlock[from >> BlockBits] == 0)
                from = ((from >> BlockBits) + 1) << BlockBits;
            else if (_free[from >> 6] >> (int)(from & 63) == 0)
                from = (from | 63) + 1;
            else if (!IsFree(from))
                from++;
            else
                return from;
        }

        return Limit;
    }

    private bool IsFree(long cluster) => cluster >= 0 && cluster < Limit && (_free[cluster >> 6] & Bit(cluster)) != 0;

    private bool IsZero(long cluster) => (_zero[cluster >> 6] & Bit(cluster)) != 0;

    private static ulong Bit(long cluster) => 1UL << (int)(cluster & 63);

    private void MakeRoom(long end)
    {
        if (end <= Limit)
            return;
        long blocks = Math.Max((end >> BlockBits) + 1, 2L * _inBlock.Length);
        Array.Resize(ref _inBlock, checked((int)blocks));
        Array.Resize(ref _free, checked((int)(blocks << (BlockBits - 6))));
        Array.Resize(ref _zero, _free.Length);
    }
}
