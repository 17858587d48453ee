using System;
using System.Threading;
using Qed.Bits;
using Qed.Images;

namespace Qed.Transfer;

/// <summary>Finds the end of a disk's contents.</summary>
internal static class LastData
{
    private const int SectorSize = 512;

    /// <summary>The end of the last sector that is not zero; zero for an empty disk.</summary>
    internal static long EndOf(DiskImage image, ProgressMeter progress, CancellationToken cancellation)
    {
        object gate = new();
        long end = 0;
        using var workers = new OrderedWorkers(CopyPlan.Chunks(image, null, image.Length, SectorSize), 1, cancellation);
        workers.Run((range, buffers, _) =>
        {
            Span<byte> data = buffers[0].Take(range.Length);
            image.Read(range.Offset, data);
            int used = range.Length;
            while (used > 0 && ZeroScan.IsZero(data.Slice(used - SectorSize, SectorSize)))
                used -= SectorSize;
            lock (gate)
                end = used > 0 ? Math.Max(end, (range.Offset + used).Value) : end;
            progress.ReachedAtLeast(range.End.Value);
        });
        return end;
    }
}
