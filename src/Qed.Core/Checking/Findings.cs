using Qed.Layout;
using Qed.Tables;
using Qed.Units;

namespace Qed.Checking;

/// <summary>What a check tells of the faults that a scan has found.</summary>
internal static class Findings
{
    internal static CheckIssue Of(TableFault fault, QedHeader header, ImageBounds bounds) => new()
    {
        Kind = fault.Kind,
        L1Index = fault.L1Index,
        L2Index = fault.L2Index,
        GuestOffset = bounds.GuestOffsetOf(fault.L1Index, fault.L2Index ?? 0),
        HostOffset = fault.Entry is > TableEntry.Zero and <= long.MaxValue ? new HostOffset((long)fault.Entry) : null,
        Repair = RepairWords.For(fault, header) + ".",
    };

    /// <summary>A run of clusters that nothing references.</summary>
    internal static CheckIssue OfLeak(ClusterIndex first, long count, QedGeometry geometry) => new()
    {
        Kind = CheckIssueKind.LeakedClusters,
        HostOffset = geometry.OffsetOf(first),
        Clusters = count,
        Repair = RepairWords.Reclaim + ".",
    };

    /// <summary>A part of a cluster at the end of the file.</summary>
    internal static CheckIssue OfTail(ImageBounds bounds) => new()
    {
        Kind = CheckIssueKind.PartOfCluster,
        HostOffset = bounds.FileEnd,
        Clusters = 0,
        Repair = RepairWords.CutOrExtend + ".",
    };
}
