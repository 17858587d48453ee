using System;
using Qed.Layout;
using Qed.Units;

namespace Qed.Tables;

/// <summary>What the entries of an image's tables may point at, and what they map.</summary>
internal sealed class ImageBounds
{
    private readonly QedHeader _header;

    internal ImageBounds(QedHeader header, long fileLength)
    {
        _header = header;
        FileClusters = Geometry.WholeClustersIn(new ByteCount(fileLength));
        FileEnd = Geometry.OffsetOf(new ClusterIndex(FileClusters));
        HeaderEnd = new HostOffset(header.HeaderBytes);
        // Where the L1 table follows the header, as it nearly always does, one comparison excludes both.
        FirstData = header.L1TableOffset == HeaderEnd ? header.L1TableEnd : FileEnd;
    }

    internal QedGeometry Geometry => _header.Geometry;

    /// <summary>Whole clusters of the file: a tail shorter than a cluster is not one.</summary>
    internal long FileClusters { get; }

    /// <summary>The host offset just behind the last whole cluster.</summary>
    internal HostOffset FileEnd { get; }

    internal HostOffset HeaderEnd { get; }

    /// <summary>From here to <see cref="FileEnd"/> there is neither header nor L1 table; empty where that is not simple to say.</summary>
    internal HostOffset FirstData { get; }

    /// <summary>What is wrong with an entry that points at a number of clusters; null where nothing is.</summary>
    internal CheckIssueKind? FaultOf(ulong entry, long clusters)
    {
        if ((entry & (ulong)(Geometry.ClusterSize - 1)) != 0)
            return CheckIssueKind.UnalignedEntry;
        long length = clusters << Geometry.ClusterBits;
        if (entry > long.MaxValue || (long)entry > FileEnd.Value - length)
            return CheckIssueKind.EntryBeyondEndOfFile;
        var start = new HostOffset((long)entry);
        if (start < HeaderEnd)
            return CheckIssueKind.EntryInsideHeader;
        return start < _header.L1TableEnd && start + length > _header.L1TableOffset ? CheckIssueKind.EntryInsideL1Table : null;
    }

    /// <summary>How many of a run of entries map guest bytes inside the disk.</summary>
    internal int EntriesInsideDisk(int l1Index, int firstEntry, int count)
    {
        long clusters = Geometry.ClustersToHold(new ByteCount(_header.ImageSize));
        long before = ((long)l1Index << Geometry.EntriesBits) + firstEntry;
        return (int)Math.Max(0, Math.Min(count, clusters - before));
    }

    /// <summary>The first guest byte that an entry maps; null where it lies farther than any offset.</summary>
    internal GuestOffset? GuestOffsetOf(int l1Index, int l2Index)
    {
        int bits = Geometry.EntriesBits + Geometry.ClusterBits;
        return l1Index <= long.MaxValue >> bits ? Geometry.GuestOffsetOf(l1Index, l2Index) : null;
    }
}
