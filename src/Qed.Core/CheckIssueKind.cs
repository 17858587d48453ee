namespace Qed;

/// <summary>What a consistency check can find.</summary>
public enum CheckIssueKind
{
    /// <summary>A table entry has reserved bits set: it is no multiple of the cluster size.</summary>
    UnalignedEntry,

    /// <summary>A table entry points, in whole or in part, beyond the end of the file.</summary>
    EntryBeyondEndOfFile,

    /// <summary>A table entry points into the header.</summary>
    EntryInsideHeader,

    /// <summary>A table entry points into the L1 table.</summary>
    EntryInsideL1Table,

    /// <summary>A cluster that an L2 table takes up is referenced once more, as data or as another table.</summary>
    TableReferencedTwice,

    /// <summary>A data cluster is referenced by more than one entry.</summary>
    DataReferencedTwice,

    /// <summary>
    /// An entry maps guest bytes beyond the end of the disk, as a crash in a shrink leaves it. The guest cannot reach what
    /// it points at: a leak, and a corruption only where it does not even point at clusters of the file.
    /// </summary>
    EntryBeyondImageSize,

    /// <summary>Clusters that nothing references: space is lost, data is not.</summary>
    LeakedClusters,

    /// <summary>The file ends with a part of a cluster: no fault by itself, but a repair cuts it off.</summary>
    PartOfCluster,
}
