using System.Collections.Generic;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// Hands out clusters at the end of the file. The file is extended with each allocation, so that fresh clusters read as
/// zeroes and the length stays a multiple of the cluster size, which other readers of QED want.
/// </summary>
internal sealed class ClusterAllocator
{
    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly object _lock = new();
    private readonly Dictionary<long, long> _returned = [];
    // Changed under the lock only, and read without.
    private long _clusters;

    internal ClusterAllocator(BlockStorage storage, QedGeometry geometry)
    {
        _storage = storage;
        _geometry = geometry;
        // A tail shorter than a cluster is not a cluster, but it may be all that is left of one: it is never overwritten.
        _clusters = geometry.ClustersToHold(new ByteCount(storage.Length));
    }

    /// <summary>The first host offset behind all clusters.</summary>
    internal HostOffset End => _geometry.OffsetOf(new ClusterIndex(Volatile.Read(ref _clusters)));

    /// <summary>Allocates clusters that lie side by side and read as zeroes.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace, with nothing allocated.</exception>
    internal HostOffset Allocate(long count)
    {
        lock (_lock)
        {
            if (_clusters + count > long.MaxValue >> _geometry.ClusterBits)
                throw new DiskImageException(ErrorKind.NotEnoughSpace, "the image file would become larger than 2^63 bytes", _storage.Path);
            HostOffset start = _geometry.OffsetOf(new ClusterIndex(_clusters));
            _storage.SetLength((_clusters + count) << _geometry.ClusterBits);
            Volatile.Write(ref _clusters, _clusters + count);
            return start;
        }
    }

    /// <summary>Whether clusters were returned that others lie behind: nothing references them, and the file still holds them.</summary>
    internal bool HasGaps
    {
        get
        {
            lock (_lock)
                return _returned.Count > 0;
        }
    }

    /// <summary>
    /// Takes clusters back that were never referenced. The file is cut as soon as nothing lies behind them, so that a
    /// disk that several requests have filled together is as empty as before once all of them have failed.
    /// </summary>
    internal void Return(HostOffset start, long count)
    {
        lock (_lock)
        {
            long first = _geometry.ClusterOf(start).Value;
            _returned.Add(first + count, first);
            long end = _clusters;
            while (_returned.TryGetValue(end, out first))
            {
                _returned.Remove(end);
                end = first;
            }

            if (end == _clusters)
                return;
            _storage.SetLength(end << _geometry.ClusterBits);
            Volatile.Write(ref _clusters, end);
        }
    }

    /// <summary>Cuts off a tail of the file that is no whole cluster, once the tables are known not to reference it.</summary>
    internal void CutPartOfCluster()
    {
        lock (_lock)
        {
            long whole = _geometry.WholeClustersIn(new ByteCount(_storage.Length));
            if (whole == _clusters)
                return;
            _storage.SetLength(whole << _geometry.ClusterBits);
            Volatile.Write(ref _clusters, whole);
        }
    }

    /// <summary>Takes the end of the file anew, after it was changed beneath.</summary>
    internal void Reload()
    {
        lock (_lock)
        {
            Volatile.Write(ref _clusters, _geometry.ClustersToHold(new ByteCount(_storage.Length)));
            _returned.Clear();
        }
    }
}
