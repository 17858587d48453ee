using System;
using System.Collections.Generic;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Checking;

/// <summary>
/// What clusters cost that nothing references. Those that take no space of the host are free: whoever writes the image next
/// uses them. The others are leaked. Where the host does not tell, all are. On a block device, which takes the same space however
/// much of it is used, all are free.
/// </summary>
internal sealed class UnusedSpace
{
    private readonly List<(ClusterIndex First, long Count)> _leaks = [];
    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;

    /// <param name="storage">The image.</param>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="unreferenced">The runs of clusters that nothing references, in file order.</param>
    internal UnusedSpace(BlockStorage storage, QedGeometry geometry, IEnumerable<(ClusterIndex First, long Count)> unreferenced)
    {
        _storage = storage;
        _geometry = geometry;
        foreach ((ClusterIndex first, long count) in unreferenced)
        {
            long leaked = Leaked;
            if (!storage.HasFixedLength)
                Look(geometry.OffsetOf(first).Value, count << geometry.ClusterBits);
            Free += count - (Leaked - leaked);
        }
    }

    /// <summary>Clusters that take no space of the host.</summary>
    internal long Free { get; private set; }

    /// <summary>Clusters that take some.</summary>
    internal long Leaked { get; private set; }

    /// <summary>Bytes of the host that they take.</summary>
    internal long LeakedBytes { get; private set; }

    /// <summary>Runs of leaked clusters, in file order.</summary>
    internal IReadOnlyList<(ClusterIndex First, long Count)> Leaks => _leaks;

    private void Look(long offset, long length)
    {
        if (_storage.IsHole(offset, length))
            return;
        for (long end = offset + length; offset < end;)
        {
            StorageExtent extent = _storage.NextExtent(offset);
            long stop = Math.Min(extent.End, end);
            if (!extent.IsHole)
            {
                LeakedBytes += stop - offset;
                AddLeak(_geometry.ClusterOf(new HostOffset(offset)).Value, _geometry.ClusterOf(new HostOffset(stop - 1)).Value + 1);
            }

            offset = stop;
        }
    }

    private void AddLeak(long first, long end)
    {
        if (_leaks.Count > 0 && _leaks[_leaks.Count - 1] is var last && last.First.Value + last.Count >= first)
        {
            Leaked += end - (last.First.Value + last.Count);
            _leaks[_leaks.Count - 1] = (last.First, end - last.First.Value);
            return;
        }

        Leaked += end - first;
        _leaks.Add((new ClusterIndex(first), end - first));
    }
}
