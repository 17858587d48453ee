using System;
using System.Threading;
using Qed.Images;
using Qed.Layout;

namespace Qed.Transfer;

/// <summary>Finds out whether two disks read the same; where both are zeroes by their tables nothing is read.</summary>
internal static class ImageComparer
{
    private const int SectorSize = 512;

    /// <summary>Compares two disks; the shorter one counts as followed by zeroes.</summary>
    /// <returns>The first sector that differs, or null.</returns>
    internal static GuestOffset? FirstDifference(DiskImage left, DiskImage right, ProgressMeter progress, CancellationToken cancellation)
    {
        long length = Math.Max(left.Length, right.Length);
        object gate = new();
        GuestOffset? first = null;
        using var workers = new OrderedWorkers(CopyPlan.Chunks(left, right, length, SectorSize), 2, cancellation);
        workers.Run((range, buffers, _) =>
        {
            Span<byte> a = buffers[0].Take(range.Length);
            Span<byte> b = buffers[1].Take(range.Length);
            left.ReadOrZero(range.Offset, a);
            right.ReadOrZero(range.Offset, b);
            if (!a.SequenceEqual(b))
            {
                GuestOffset difference = range.Offset + FirstDifferentSector(a, b);
                lock (gate)
                    first = first is { } earlier && earlier < difference ? earlier : difference;
            }

            progress.ReachedAtLeast(range.End.Value);
        });
        return first;
    }

    private static int FirstDifferentSector(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        int start = 0;
        while (a.Slice(start, Math.Min(SectorSize, a.Length - start)).SequenceEqual(b.Slice(start, Math.Min(SectorSize, b.Length - start))))
            start += SectorSize;
        return start;
    }
}
