using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Bits;
using Qed.Engine;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// Copies into an image that is in use what it shows through its backing file. What requests write or drop meanwhile is
/// never touched: a cluster that the image says something about stays as it is, and none stops to do so while there is a
/// backing file.
/// </summary>
/// <param name="image">The image, with its chain.</param>
/// <param name="limit">How fast the backing file is read; null as fast as it goes.</param>
internal sealed class LiveCopier(QedImage image, RateLimit? limit)
{
    // A process that is killed loses no more than this of its work.
    private const long BytesBetweenFlushes = 128 << 20;

    private readonly int _clusterSize = image.Geometry.ClusterSize;

    /// <summary>Copies all that there is.</summary>
    /// <returns>Bytes copied in.</returns>
    internal long Run(DiskImage backing, ProgressMeter progress, CancellationToken cancellation)
    {
        using var buffer = new AlignedBuffer();
        long copied = 0;
        long flushed = 0;
        foreach (WorkPiece range in Plan(backing))
        {
            cancellation.ThrowIfCancellationRequested();
            limit?.Wait(range.Length);
            Span<byte> shown = buffer.Take(range.Length);
            backing.ReadOrZero(range.Offset, shown);
            copied += CopyData(range.Offset, shown);
            if (copied - flushed >= BytesBetweenFlushes)
            {
                image.Flush();
                flushed = copied;
            }

            progress.ReachedAtLeast(range.End.Value);
        }

        return copied;
    }

    /// <summary>The ranges where what lies beneath has data, and the image itself says nothing.</summary>
    private IEnumerable<WorkPiece> Plan(DiskImage backing)
        => CopyPlan.Chunks(backing, baseline: null, image.Length, _clusterSize).SelectMany(range => CopyPlan.Gaps(image, range));

    /// <summary>Copies the clusters that are not all zeroes: of the others nothing will have to be said without a backing file.</summary>
    private long CopyData(GuestOffset offset, ReadOnlySpan<byte> shown)
    {
        long copied = 0;
        for (int start = 0; start < shown.Length;)
        {
            int end = start;
            while (end < shown.Length && !ZeroScan.IsZero(Cluster(shown, end)))
                end += Cluster(shown, end).Length;
            if (end > start)
                image.CopyUp(offset + start, shown.Slice(start, end - start));
            copied += end - start;
            start = end + (end < shown.Length ? Cluster(shown, end).Length : 0);
        }

        return copied;
    }

    private ReadOnlySpan<byte> Cluster(ReadOnlySpan<byte> shown, int start) => shown.Slice(start, Math.Min(_clusterSize, shown.Length - start));
}
