using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// Finds out whether two disks read the same; the shorter one counts as followed by zeroes. Where both are zeroes by
/// their tables nothing is read.
/// </summary>
internal sealed class ImageComparer
{
    private const int SectorSize = 512;

    // Both buffers of a piece stay in a processor's own cache between reading and comparing.
    private const int PieceSize = 128 << 10;

    private readonly DiskImage _left;
    private readonly DiskImage _right;
    private readonly SharedFiles? _shared;
    private readonly UnreadableRanges? _unreadable;
    private readonly ProgressMeter _progress;
    private readonly CancellationToken _cancellation;

    /// <param name="left">One disk.</param>
    /// <param name="right">The other.</param>
    /// <param name="shared">Finds out which data of the two is one and the same, and is read only once; null to read all of it twice.</param>
    /// <param name="progress">Told the guest offset that was reached.</param>
    /// <param name="cancellation">Honoured between ranges.</param>
    /// <param name="unreadable">Ranges of either disk that nobody can compare, which may become more while they are read; null for none.</param>
    internal ImageComparer(DiskImage left, DiskImage right, SharedFiles? shared, ProgressMeter progress, CancellationToken cancellation, UnreadableRanges? unreadable = null)
    {
        _left = left;
        _right = right;
        _shared = shared;
        _unreadable = unreadable;
        _progress = progress;
        _cancellation = cancellation;
    }

    /// <summary>The first sector that differs, or null, for those who verify: all data of both is read, also what is one and the same.</summary>
    internal static GuestOffset? FirstDifference(
        DiskImage left, DiskImage right, ProgressMeter progress, CancellationToken cancellation, UnreadableRanges? unreadable = null)
        => new ImageComparer(left, right, shared: null, progress, cancellation, unreadable).FirstDifference();

    /// <summary>The ranges that are compared; null to find out which can differ.</summary>
    internal IEnumerable<WorkPiece>? Plan { get; init; }

    /// <summary>The first sector that differs, or null. Nothing behind it is read but what was being read already.</summary>
    internal GuestOffset? FirstDifference()
    {
        object gate = new();
        GuestOffset? first = null;
        IEnumerable<WorkPiece> untilFound = Ranges().TakeWhile(_ =>
        {
            lock (gate)
                return first is null;
        });
        using var workers = new OrderedWorkers(untilFound, 2, _cancellation);
        workers.Run((range, buffers, _) =>
        {
            foreach (GuestRange difference in Differences(range, buffers))
            {
                lock (gate)
                    first = first is { } earlier && earlier < difference.Offset ? earlier : difference.Offset;
                break;
            }

            _progress.ReachedAtLeast(range.End.Value);
        });
        return first;
    }

    /// <summary>Every range that differs, the first of them by name.</summary>
    /// <param name="maximumRanges">The most ranges that are kept; the others are only counted.</param>
    internal DifferenceList AllDifferences(int maximumRanges)
    {
        var all = new DifferenceList(maximumRanges);
        using var workers = new OrderedWorkers(Ranges(), 2, _cancellation);
        workers.Run((range, buffers, ticket) =>
        {
            List<GuestRange>? found = null;
            foreach (GuestRange difference in Differences(range, buffers))
                (found ??= []).Add(difference);
            workers.InTurn(ticket, () => found?.ForEach(all.Add));
            _progress.ReachedAtLeast(range.End.Value);
        });
        return all;
    }

    private IEnumerable<WorkPiece> Ranges()
        => Plan ?? CopyPlan.Chunks(_left, _right, Math.Max(_left.Length, _right.Length), SectorSize, _shared);

    private IEnumerable<GuestRange> Differences(WorkPiece range, AlignedBuffer[] buffers)
    {
        for (int start = 0; start < range.Length; start += PieceSize)
        {
            int length = Math.Min(PieceSize, range.Length - start);
            GuestOffset offset = range.Offset + start;
            if (range.IsShared)
            {
                // It cannot differ from itself, but what cannot be read is not equal to anything.
                _left.ReadOrZero(offset, buffers[0].Take(length));
                continue;
            }

            if (ReadsTheSame(offset, length, buffers))
                continue;
            for (int sector = 0; sector < length; sector += SectorSize)
            {
                int size = Math.Min(SectorSize, length - sector);
                if (!buffers[0].Take(length).Slice(sector, size).SequenceEqual(buffers[1].Take(length).Slice(sector, size)))
                    yield return new GuestRange(offset + sector, size);
            }
        }
    }

    private bool ReadsTheSame(GuestOffset offset, int length, AlignedBuffer[] buffers)
    {
        Span<byte> left = buffers[0].Take(length);
        Span<byte> right = buffers[1].Take(length);
        _left.ReadOrZero(offset, left);
        _right.ReadOrZero(offset, right);
        _unreadable?.Clear(offset, left);
        _unreadable?.Clear(offset, right);
        return left.SequenceEqual(right);
    }
}
