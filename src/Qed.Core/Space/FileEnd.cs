using System;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Space;

/// <summary>
/// The end of a file that grows: ahead of use and in steps, so that few requests wait for it and few commits find a length
/// that is not on stable storage yet. The length stays a multiple of the cluster size, which other readers of QED want.
/// </summary>
internal sealed class FileEnd : SpaceEnd
{
    private const int AheadClusters = 256;
    private const long AheadBytes = 16 << 20;

    // Clusters that the file is long.
    private long _held;
    private long _durable;
    // Below it the file was once longer, which a crash may bring back.
    private long _staleBelow;

    internal FileEnd(BlockStorage storage, QedGeometry geometry)
        : base(storage, geometry)
    {
        Step = StepOf(geometry);
        Reload();
    }

    internal override long Bound => Clusters;

    internal override bool IsKnown => true;

    internal override bool IsDurable => _durable == Changes;

    private long Step { get; }

    /// <summary>Clusters by which a file grows at a time.</summary>
    internal static long StepOf(QedGeometry geometry) => Math.Max(1, Math.Min(AheadClusters, AheadBytes >> geometry.ClusterBits));

    internal override (ClusterRun Run, bool IsZero) Extend(long count, long minimum)
    {
        if (Clusters + count > long.MaxValue >> Geometry.ClusterBits)
            throw new DiskImageException(ErrorKind.NotEnoughSpace, "the image file would become larger than 2^63 bytes", Storage.Path);
        long start = Clusters;
        if (start + count > _held)
            Grow(start + count);
        Clusters = start + count;
        return (new ClusterRun(new ClusterIndex(start), count), start >= _staleBelow);
    }

    internal override void CutTo(long clusters)
    {
        _staleBelow = Math.Max(_staleBelow, _held);
        SetLength(clusters);
        Clusters = clusters;
    }

    internal override bool CutAhead()
    {
        if (_held == Clusters)
            return false;
        CutTo(Clusters);
        return true;
    }

    internal override void NoteDurable(long changes)
    {
        _durable = Math.Max(_durable, changes);
        if (IsDurable)
            _staleBelow = 0;
    }

    internal override void Reload()
    {
        if (_held > 0)
        {
            // Whether what was done beneath has reached the disk is not known here.
            Changes++;
            _staleBelow = Math.Max(_staleBelow, _held);
        }

        // A tail shorter than a cluster is not a cluster, but it may be all that is left of one: it is never overwritten.
        _held = Geometry.ClustersToHold(new ByteCount(Storage.Length));
        Clusters = _held;
    }

    private protected override bool GiveBack(long offset, long length) => Storage.TryPunch(offset, length);

    private void Grow(long wanted)
    {
        long ahead = Math.Min(wanted + Step - 1, long.MaxValue >> Geometry.ClusterBits);
        try
        {
            SetLength(ahead);
        }
        catch (DiskImageException) when (ahead > wanted)
        {
            SetLength(wanted);
        }
    }

    private void SetLength(long clusters)
    {
        // Also where it fails: nobody knows then what is on the disk.
        Changes++;
        Storage.SetLength(clusters << Geometry.ClusterBits);
        _held = clusters;
    }
}
