using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Layout;

namespace Qed.Transfer;

/// <summary>
/// Which ranges of a disk have to be looked at, found out from extents while the work goes on: holes and zeroes are
/// passed over unread, contiguous runs are merged.
/// </summary>
internal static class CopyPlan
{
    /// <summary>Bytes that are read in one piece, unless the target's grain is larger.</summary>
    internal const int ChunkSize = 1 << 20;

    /// <summary>The ranges that are not zero in at least one of two disks, cut at chunk boundaries and widened to whole grains.</summary>
    /// <param name="source">The disk to copy or compare.</param>
    /// <param name="baseline">The disk to compare with; null for one that is all zeroes.</param>
    /// <param name="length">Bytes to look at; past its end a disk is zeroes.</param>
    /// <param name="grain">Bytes that are written as a whole, a power of two.</param>
    /// <param name="shared">Which data of the two is one and the same, and passed over; null to look at all of it.</param>
    internal static IEnumerable<GuestRange> Chunks(DiskImage source, DiskImage? baseline, long length, int grain, SharedFiles? shared = null)
    {
        long chunkSize = Math.Max(ChunkSize, grain);
        long pendingStart = 0;
        long pendingEnd = 0;
        foreach ((long start, long end) in DataRuns(source, baseline, length, shared))
        {
            long from = Math.Max(pendingEnd, start & -grain);
            long to = Math.Min(length, (end + grain - 1) & -grain);
            if (from > pendingEnd)
            {
                if (pendingEnd > pendingStart)
                    yield return new GuestRange(new GuestOffset(pendingStart), (int)(pendingEnd - pendingStart));
                pendingStart = from;
            }

            pendingEnd = Math.Max(pendingEnd, to);
            while ((pendingStart & -chunkSize) + chunkSize <= pendingEnd)
            {
                long boundary = (pendingStart & -chunkSize) + chunkSize;
                yield return new GuestRange(new GuestOffset(pendingStart), (int)(boundary - pendingStart));
                pendingStart = boundary;
            }
        }

        if (pendingEnd > pendingStart)
            yield return new GuestRange(new GuestOffset(pendingStart), (int)(pendingEnd - pendingStart));
    }

    private static IEnumerable<(long Start, long End)> DataRuns(DiskImage source, DiskImage? baseline, long length, SharedFiles? shared)
    {
        using var first = new RunCursor(source, length);
        using var second = new RunCursor(baseline, length);
        long offset = 0;
        while (offset < length)
        {
            // Where either has data the other's run may be long: only the common part is one case.
            long end = Math.Min(first.End, second.End);
            if ((first.Holder ?? second.Holder) is not null && shared?.IsSame(first.Holder, second.Holder) is not true)
                yield return (offset, end);
            offset = end;
            first.Pass(end);
            second.Pass(end);
        }
    }
}
