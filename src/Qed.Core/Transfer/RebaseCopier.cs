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
/// Copies into an image what it shows through its backing file and will not show through another one, so that the
/// backing file can be changed and the contents stay what they were.
/// </summary>
internal sealed class RebaseCopier
{
    private readonly QedImage _image;
    private readonly DiskImage? _newBacking;
    private readonly int _clusterSize;
    private long _copied;

    /// <param name="image">The image, opened with its present chain.</param>
    /// <param name="newBacking">The backing image to come; null for none.</param>
    internal RebaseCopier(QedImage image, DiskImage? newBacking)
    {
        _image = image;
        _newBacking = newBacking;
        _clusterSize = image.Geometry.ClusterSize;
    }

    /// <summary>Copies everything that differs.</summary>
    /// <returns>Bytes copied in.</returns>
    internal long Run(ProgressMeter progress, CancellationToken cancellation)
    {
        // Where it is cut short the mark tells the next one who opens the image that there may be leaks.
        _image.MarkUnderWork();
        using var workers = new OrderedWorkers(Plan(), 2, cancellation);
        workers.Run((range, buffers, _) =>
        {
            CopyDifferences(range, buffers);
            progress.ReachedAtLeast(range.End.Value);
        });
        return _copied;
    }

    /// <summary>The ranges that the image itself says nothing about, where either chain has data.</summary>
    private IEnumerable<WorkPiece> Plan()
        => CopyPlan.Chunks(_image, _newBacking, _image.Length, _clusterSize).SelectMany(range => CopyPlan.Gaps(_image, range));

    private void CopyDifferences(WorkPiece range, AlignedBuffer[] buffers)
    {
        Span<byte> shown = buffers[0].Take(range.Length);
        Span<byte> future = buffers[1].Take(range.Length);
        _image.Read(range.Offset, shown);
        if (_newBacking is null)
            future.Clear();
        else
            _newBacking.ReadOrZero(range.Offset, future);
        for (int start = 0; start < range.Length;)
        {
            Need need = NeedAt(start);
            int end = start + _clusterSize;
            // One request for a run of clusters: they then lie side by side in the file too.
            while (end < range.Length && NeedAt(end) == need)
                end += _clusterSize;
            end = Math.Min(end, range.Length);
            CopyIn(range.Offset + start, need, shown.Slice(start, end - start));
            start = end;
        }

        Need NeedAt(int start)
        {
            int length = Math.Min(_clusterSize, range.Length - start);
            ReadOnlySpan<byte> cluster = buffers[0].Take(range.Length).Slice(start, length);
            if (cluster.SequenceEqual(buffers[1].Take(range.Length).Slice(start, length)))
                return Need.Nothing;
            return ZeroScan.IsZero(cluster) ? Need.ZeroMark : Need.Data;
        }
    }

    private void CopyIn(GuestOffset offset, Need need, ReadOnlySpan<byte> data)
    {
        if (need == Need.Nothing)
            return;
        if (need == Need.ZeroMark)
            _image.MarkZero(offset, data.Length);
        else
            _image.Write(offset, data);
        Interlocked.Add(ref _copied, data.Length);
    }

    private enum Need
    {
        Nothing,
        ZeroMark,
        Data,
    }
}
