namespace Qed.Formats.Qcow2;

/// <summary>What follows from the cluster size and the kind of L2 entries: sizes of tables, what they reach, and the limits.</summary>
/// <param name="ClusterBits">Binary logarithm of the cluster size, 9 to 21.</param>
/// <param name="HasSubclusters">Whether L2 entries are extended ones.</param>
internal readonly record struct Qcow2Geometry(int ClusterBits, bool HasSubclusters)
{
    internal const int MinimumClusterBits = 9;
    internal const int MaximumClusterBits = 21;
    internal const int MinimumSubclusterBits = 14;
    internal const int DefaultClusterBits = 16;
    internal const int SectorSize = 512;
    internal const int SubclustersPerCluster = 32;

    /// <summary>Bytes of the largest L1 table that QEMU takes, and so everybody.</summary>
    internal const int MaximumL1Bytes = 32 << 20;

    /// <summary>Bytes of the largest refcount table.</summary>
    internal const int MaximumRefcountTableBytes = 8 << 20;

    /// <summary>Bytes of an entry of the L1 and the refcount table.</summary>
    internal const int EntryBytes = 8;

    /// <summary>The most L1 entries.</summary>
    internal const int MaximumL1Entries = MaximumL1Bytes / EntryBytes;

    internal int ClusterSize => 1 << ClusterBits;

    internal int L2EntryBytes => HasSubclusters ? 2 * EntryBytes : EntryBytes;

    internal int SubclusterSize => ClusterSize / SubclustersPerCluster;

    internal int EntriesPerTable => ClusterSize / L2EntryBytes;

    /// <summary>Guest bytes that one L2 table maps, at most 2^39.</summary>
    internal long BytesPerTable => (long)EntriesPerTable << ClusterBits;

    /// <summary>The largest disk, at most 2^61 bytes.</summary>
    internal long MaximumSize => BytesPerTable * MaximumL1Entries;

    /// <summary>Entries that an L1 table needs for a disk.</summary>
    internal long L1EntriesFor(long size) => (size / BytesPerTable) + (size % BytesPerTable == 0 ? 0 : 1);

    internal bool IsAligned(ulong offset) => (offset & (ulong)(ClusterSize - 1)) == 0;

    internal int InCluster(long offset) => (int)(offset & (ClusterSize - 1));
}
