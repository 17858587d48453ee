using System;
using Qed.Units;

namespace Qed.Layout;

/// <summary>
/// Cluster and table size of a QED image and all that follows from them. Every sum here stays inside 64 bits for each
/// legal pair: cluster 4 KiB to 64 MiB, table 1 to 16 clusters (QED specification, "Header").
/// </summary>
internal sealed record QedGeometry
{
    /// <summary>Smallest legal cluster, 4 KiB.</summary>
    public const int MinimumClusterSize = 1 << 12;

    /// <summary>Largest legal cluster, 64 MiB.</summary>
    public const int MaximumClusterSize = 1 << 26;

    /// <summary>The cluster size that QEMU and this engine choose, 64 KiB.</summary>
    public const int DefaultClusterSize = 1 << 16;

    /// <summary>Largest legal table, 16 clusters.</summary>
    public const int MaximumTableSize = 16;

    /// <summary>The table size that QEMU and this engine choose, 4 clusters.</summary>
    public const int DefaultTableSize = 4;

    /// <summary>What image sizes must be a multiple of.</summary>
    public const int SectorSize = 512;

    /// <summary>The largest image size of any geometry, 2^63 - 2^30.</summary>
    public const long LargestImageSize = long.MaxValue - (1L << 30) + 1;

    private QedGeometry(int clusterSize, int tableSize)
    {
        ClusterSize = clusterSize;
        TableSize = tableSize;
        ClusterBits = Log2(clusterSize);
        EntriesBits = ClusterBits + Log2(tableSize) - 3;
    }

    /// <summary>Bytes in a cluster.</summary>
    public int ClusterSize { get; }

    /// <summary>Clusters in the L1 table, and in each L2 table.</summary>
    public int TableSize { get; }

    /// <summary>Base-2 logarithm of <see cref="ClusterSize"/>.</summary>
    public int ClusterBits { get; }

    /// <summary>Base-2 logarithm of <see cref="EntriesPerTable"/>, at most 27.</summary>
    public int EntriesBits { get; }

    /// <summary>Entries in a table of either level.</summary>
    public int EntriesPerTable => 1 << EntriesBits;

    /// <summary>Bytes in a table of either level, at most 1 GiB.</summary>
    public long TableBytes => (long)TableSize * ClusterSize;

    /// <summary>Guest bytes that one L2 table maps, at most 2^53.</summary>
    public long L2Span => 1L << (EntriesBits + ClusterBits);

    /// <summary>
    /// The largest image size that the tables reach, at most 2^63 - 2^30: QEMU's own limit, and far enough from the end
    /// of the numbers that an offset rounded up to a cluster stays below it.
    /// </summary>
    public long MaximumImageSize
    {
        get
        {
            int bits = (2 * EntriesBits) + ClusterBits;
            return bits < 63 ? 1L << bits : LargestImageSize;
        }
    }

    /// <summary>Whether QEMU opens images of this geometry: it cannot compute the reach of very large ones, nor read back table size 1.</summary>
    public bool IsOpenedByQemu => TableSize > 1 && (2 * EntriesBits) + ClusterBits < 64;

    /// <summary>
    /// Whether QEMU up to at least 7.2 can overwrite a neighbour's mapping: its count of clusters is too high by one from
    /// cluster_size * (cluster_size - 1) bytes on, and one request of that size fits into an L2 span and into memory.
    /// </summary>
    public bool IsUnsafeUnderQemu
        => ClusterSize <= 1 << 14 && L2Span >= (long)ClusterSize * (ClusterSize - 1);

    /// <summary>Creates a geometry.</summary>
    /// <returns>Null unless both sizes are legal.</returns>
    public static QedGeometry? TryCreate(long clusterSize, long tableSize)
        => IsPowerOfTwo(clusterSize) && clusterSize is >= MinimumClusterSize and <= MaximumClusterSize
            && IsPowerOfTwo(tableSize) && tableSize <= MaximumTableSize
                ? new QedGeometry((int)clusterSize, (int)tableSize)
                : null;

    /// <summary>Clusters needed to hold an amount of bytes, a last part counted whole.</summary>
    public long ClustersToHold(ByteCount bytes) => (bytes.Value >> ClusterBits) + ((bytes.Value & (ClusterSize - 1)) == 0 ? 0 : 1);

    /// <summary>Clusters that lie whole within an amount of bytes: a tail shorter than a cluster is not a cluster.</summary>
    public long WholeClustersIn(ByteCount bytes) => bytes.Value >> ClusterBits;

    /// <summary>Entries of the L1 table that an image of a size needs.</summary>
    public int L1EntriesFor(long imageSize)
    {
        long spans = imageSize >> (EntriesBits + ClusterBits);
        return (int)Math.Min(EntriesPerTable, (imageSize & (L2Span - 1)) == 0 ? spans : spans + 1);
    }

    /// <summary>The L1 entry that leads to a guest offset.</summary>
    public int L1Index(GuestOffset offset) => (int)(offset.Value >> (EntriesBits + ClusterBits));

    /// <summary>The entry of its L2 table that maps a guest offset.</summary>
    public int L2Index(GuestOffset offset) => (int)(offset.Value >> ClusterBits) & (EntriesPerTable - 1);

    /// <summary>The first guest offset that an entry maps.</summary>
    public GuestOffset GuestOffsetOf(int l1Index, int l2Index)
        => new(((long)l1Index << (EntriesBits + ClusterBits)) + ((long)l2Index << ClusterBits));

    /// <summary>The cluster of the host file that holds an offset.</summary>
    public ClusterIndex ClusterOf(HostOffset offset) => new(offset.Value >> ClusterBits);

    /// <summary>Where a cluster of the host file starts.</summary>
    public HostOffset OffsetOf(ClusterIndex cluster) => new(cluster.Value << ClusterBits);

    /// <summary>Whether a host offset lies on a cluster boundary.</summary>
    public bool IsAligned(HostOffset offset) => (offset.Value & (ClusterSize - 1)) == 0;

    private static bool IsPowerOfTwo(long value) => value > 0 && (value & (value - 1)) == 0;

    private static int Log2(int powerOfTwo)
    {
        int bits = 0;
        while (powerOfTwo >> bits != 1)
            bits++;
        return bits;
    }
}
