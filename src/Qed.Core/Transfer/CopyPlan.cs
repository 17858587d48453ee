using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Images;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// Which ranges of a disk have to be looked at, found out from extents while the work goes on: holes and zeroes are
/// passed over unread, contiguous runs are merged.
/// </summary>
internal static class CopyPlan
{
    /// <summary>Bytes that are read in one piece, unless the target's grain is larger.</summary>
    internal const int ChunkSize = 1 << 20;

    /// <summary>Bytes that are made zeroes in one go, between two looks at whether the work is wanted still: a multiple of every cluster size.</summary>
    internal const int ZeroChunkSize = 64 << 20;

    /// <summary>The ranges that are not zero in at least one of two disks, cut at chunk boundaries and widened to whole grains.</summary>
    /// <param name="source">The disk to copy or compare.</param>
    /// <param name="baseline">The disk to compare with; null for one that is all zeroes.</param>
    /// <param name="length">Bytes to look at; past its end a disk is zeroes.</param>
    /// <param name="grain">Bytes that are written as a whole, a power of two.</param>
    /// <param name="shared">Finds out which data of the two is one and the same, whose ranges are marked so; null to mark none.</param>
    internal static IEnumerable<WorkPiece> Chunks(DiskImage source, DiskImage? baseline, long length, int grain, SharedFiles? shared = null)
        => Cut(DataRuns(source, baseline, length, shared).SelectMany(run => run.CutToGrains(grain)), length, grain);

    /// <summary>
    /// The ranges, to the byte, of which the images of a chain above one of its images say something else than that image
    /// does by its tables: where they have data, and where they are zeroes and it has data. Nothing else is asked of it.
    /// </summary>
    /// <param name="source">The chain.</param>
    /// <param name="target">The image, which may be written meanwhile in the ranges that were given out.</param>
    /// <param name="end">Behind it the image is known to be zeroes.</param>
    internal static IEnumerable<WorkPiece> Above(DiskImage source, DiskImage target, long end) => Cut(RunsAbove(source, target, end), source.Length, grain: 1);

    /// <summary>
    /// The parts of a range that an image says nothing about itself when it is their turn. It is asked about each anew: of
    /// clusters that were written or dropped meanwhile it says something by then.
    /// </summary>
    internal static IEnumerable<WorkPiece> Gaps(DiskImage image, WorkPiece range)
        => image.GetExtents(range.Offset, range.Length)
            .Where(extent => extent.Kind == ExtentKind.Unallocated)
            .Select(extent => new WorkPiece(extent.Offset, (int)extent.Length));

    private static IEnumerable<WorkPiece> Cut(IEnumerable<Run> runs, long length, int grain)
    {
        Run pending = default;
        foreach (Run run in runs)
        {
            long from = Math.Max(pending.End, run.Start & -grain);
            long to = Math.Min(length, (run.End + grain - 1) & -grain);
            if (from > pending.End || run.IsShared != pending.IsShared || run.IsZero != pending.IsZero)
            {
                if (!pending.IsEmpty)
                    yield return pending.ToRange(pending.End);
                pending = run with { Start = from, End = from };
            }

            pending = pending with { End = Math.Max(pending.End, to) };
            long chunkSize = run.IsZero ? ZeroChunkSize : Math.Max(ChunkSize, grain);
            while ((pending.Start & -chunkSize) + chunkSize <= pending.End)
            {
                long boundary = (pending.Start & -chunkSize) + chunkSize;
                yield return pending.ToRange(boundary);
                pending = pending with { Start = boundary };
            }
        }

        if (!pending.IsEmpty)
            yield return pending.ToRange(pending.End);
    }

    /// <summary>All of a disk, cut at chunk boundaries.</summary>
    /// <param name="source">The disk, which is gone through all the same: its damage shows in that.</param>
    /// <param name="length">Bytes to look at; past its end the disk is zeroes.</param>
    /// <param name="grain">Bytes that are written as a whole, a power of two.</param>
    internal static IEnumerable<WorkPiece> Everything(DiskImage source, long length, int grain)
    {
        int chunkSize = Math.Max(ChunkSize, grain);
        using var cursor = new RunCursor(source, length);
        for (long start = 0; start < length; start += chunkSize)
        {
            var chunk = new WorkPiece(new GuestOffset(start), (int)Math.Min(chunkSize, length - start));
            while (cursor.End < chunk.End.Value)
                cursor.Pass(cursor.End);
            yield return chunk;
        }
    }

    private static IEnumerable<Run> DataRuns(DiskImage source, DiskImage? baseline, long length, SharedFiles? shared)
    {
        using var first = new RunCursor(source, length);
        using var second = new RunCursor(baseline, length);
        long offset = 0;
        while (offset < length)
        {
            // Where either has data the other's run may be long: only the common part is one case.
            long end = Math.Min(first.End, second.End);
            if ((first.Holder ?? second.Holder) is not null)
                yield return new Run(offset, end, shared?.IsSame(first.Holder, second.Holder) is true);
            offset = end;
            first.Pass(end);
            second.Pass(end);
        }
    }

    private static IEnumerable<Run> RunsAbove(DiskImage source, DiskImage target, long targetEnd)
    {
        using var runs = new RunCursor(source.GetExtentsAbove(target, default, source.Length), source.Length);
        for (long start = 0; start < source.Length;)
        {
            long end = runs.End;
            if (runs.Holder is not null)
            {
                yield return new Run(start, end, IsShared: false);
            }
            else if (runs.Teller != target)
            {
                foreach (ChainExtent extent in target.GetChainExtents(new GuestOffset(start), Math.Max(0, Math.Min(end, targetEnd) - start)))
                {
                    if (extent.Run.Kind == ExtentKind.Data)
                        yield return new Run(extent.Run.Offset.Value, extent.Run.End.Value, IsShared: false) { IsZero = true };
                }
            }

            start = end;
            runs.Pass(end);
        }
    }

    private readonly record struct Run(long Start, long End, bool IsShared)
    {
        internal bool IsZero { get; init; }

        internal bool IsEmpty => End <= Start;

        internal WorkPiece ToRange(long end) => new(new GuestOffset(Start), (int)(end - Start)) { IsShared = IsShared, IsZero = IsZero };

        /// <summary>Of shared data only whole grains count as such: what is widened to a grain has something else in it.</summary>
        internal IEnumerable<Run> CutToGrains(int grain)
        {
            long first = (Start + grain - 1) & -grain;
            long last = End & -grain;
            if (!IsShared || first >= last)
                return [this with { IsShared = false }];
            return new Run[] { new(Start, first, IsShared: false), new(first, last, IsShared: true), new(last, End, IsShared: false) }.Where(run => !run.IsEmpty);
        }
    }
}
