using Qed.Layout;
using Qed.Tables;
using Qed.Units;

namespace Qed.Checking;

/// <summary>What a check tells of the faults that a scan has found.</summary>
internal static class Findings
{
    internal static ImageIssue Of(TableFault fault, QedHeader header, ImageBounds bounds) => new()
    {
        Kind = fault.Kind,
        L1Index = fault.L1Index,
        L2Index = fault.L2Index,
        GuestOffset = bounds.GuestOffsetOf(fault.L1Index, fault.L2Index ?? 0)?.Value,
        HostOffset = fault.Entry is > TableEntry.Zero and <= long.MaxValue ? (long)fault.Entry : null,
        Repair = RepairWords.For(fault, header) + ".",
    };

    /// <summary>A run of clusters that nothing references.</summary>
    internal static ImageIssue OfLeak(ClusterIndex first, long count, QedGeometry geometry) => new()
    {
        Kind = CheckIssueKind.LeakedClusters,
        HostOffset = geometry.OffsetOf(first).Value,
        Clusters = count,
        Repair = RepairWords.Reclaim + ".",
    };

    /// <summary>A part of a cluster at the end of the file.</summary>
    internal static ImageIssue OfTail(ImageBounds bounds) => new()
    {
        Kind = CheckIssueKind.PartOfCluster,
        HostOffset = bounds.FileEnd.Value,
        Clusters = 0,
        Repair = RepairWords.CutOrExtend + ".",
    };

    /// <summary>Where the entry of a finding points, or what was lost starts; the finding must have such a place.</summary>
    internal static HostOffset Place(this ImageIssue issue) => new(issue.HostOffset!.Value);
}
