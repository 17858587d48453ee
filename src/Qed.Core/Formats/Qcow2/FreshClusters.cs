using System;
using System.Collections.Generic;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Hands out the host clusters of a new file one after the other, and counts how often each is referenced: once, but
/// for clusters that several pieces of compressed data share. Not thread-safe.
/// </summary>
internal sealed class FreshClusters(Qcow2Geometry geometry)
{
    private const int CountsPerPage = 1 << 15;

    // References beyond the first, in pages; null where every cluster has just one. Compressed data is at least 1/1032
    // of its cluster, so no count leaves 16 bits.
    private readonly List<ushort[]?> _extra = [];
    // Where the next compressed piece may start; on a cluster boundary there is no open cluster.
    private long _packed;

    /// <summary>Clusters handed out, the header's included: the length of the file.</summary>
    internal long Count { get; private set; } = 1;

    /// <summary>Takes whole clusters in one piece.</summary>
    /// <returns>The byte offset of the first.</returns>
    internal long Take(long clusters)
    {
        long offset = Count << geometry.ClusterBits;
        Count += clusters;
        return offset;
    }

    /// <summary>Finds room for compressed data, right behind what was packed before where that is possible.</summary>
    /// <returns>Its byte offset.</returns>
    internal long Pack(int length)
    {
        int inCluster = geometry.InCluster(_packed);
        int room = inCluster == 0 ? 0 : geometry.ClusterSize - inCluster;
        bool isLast = _packed + room == Count << geometry.ClusterBits;
        long offset;
        if (room > 0 && (length <= room || isLast))
        {
            offset = _packed;
            Share(_packed >> geometry.ClusterBits);
            Take(ClustersFor(length - room));
        }
        else
        {
            offset = Take(ClustersFor(length));
        }

        _packed = offset + length;
        return offset;
    }

    /// <summary>How often a cluster is referenced.</summary>
    internal ushort ReferencesOf(long cluster)
    {
        if (cluster >= Count)
            return 0;
        int page = (int)(cluster / CountsPerPage);
        return (ushort)(1 + (page < _extra.Count && _extra[page] is { } counts ? counts[cluster % CountsPerPage] : 0));
    }

    private long ClustersFor(int length) => Math.Max(0, (length + geometry.ClusterSize - 1) >> geometry.ClusterBits);

    private void Share(long cluster)
    {
        int page = (int)(cluster / CountsPerPage);
        while (_extra.Count <= page)
            _extra.Add(null);
        (_extra[page] ??= new ushort[CountsPerPage])[cluster % CountsPerPage]++;
    }
}
