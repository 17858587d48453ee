using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Space;

/// <summary>
/// The end of the image on a block device, which does not grow with it: where it is the tables tell, all of them, and what
/// lies behind it is not zeroes. Nor is what was given back: a device that discards promises nothing of what it reads then.
/// </summary>
internal sealed class DeviceEnd : SpaceEnd
{
    private bool _isKnown;
    // Changed under the owner's lock only, and read without.
    private long _capacity;

    internal DeviceEnd(BlockStorage storage, QedGeometry geometry)
        : base(storage, geometry) => Reload();

    internal override long Bound => Volatile.Read(ref _capacity);

    internal override bool IsKnown => _isKnown;

    internal override (ClusterRun Run, bool IsZero) Extend(long count, long minimum)
    {
        // A volume may be made larger while it is in use.
        if (Clusters + count > Bound)
            Measure();
        long given = System.Math.Min(count, Bound - Clusters);
        if (given < minimum)
            throw StorageErrors.DeviceTooSmall(Storage.Path, (Clusters + minimum) << Geometry.ClusterBits, Storage.Length);
        var run = new ClusterRun(new ClusterIndex(Clusters), given);
        Clusters += given;
        return (run, false);
    }

    internal override void CutTo(long clusters) => Clusters = clusters;

    internal override void Learn(long usedClusters)
    {
        if (_isKnown)
            return;
        Clusters = usedClusters;
        _isKnown = true;
    }

    internal override void Reload()
    {
        _isKnown = false;
        Measure();
        Clusters = Bound;
    }

    private protected override bool GiveBack(long offset, long length)
    {
        Storage.TryDiscard(offset, length);
        return false;
    }

    private void Measure() => Volatile.Write(ref _capacity, Geometry.WholeClustersIn(new ByteCount(Storage.Length)));
}
