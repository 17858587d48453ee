using System.Collections.Generic;
using Qed.Layout;

namespace Qed.Checking;

/// <summary>The clusters that nothing references, as findings of a check.</summary>
internal static class LeakedRuns
{
    /// <summary>The runs of clear bits, in file order.</summary>
    /// <param name="used">A bit for each cluster of the file.</param>
    /// <param name="endsBeforeFile">Whether the image may end before what it lies on, as on a block device: there is no leak then behind its last cluster.</param>
    internal static IEnumerable<(ClusterIndex First, long Count)> In(ClusterBitmap used, bool endsBeforeFile)
    {
        for (long start = used.Next(0, value: false); start < used.Count;)
        {
            long end = used.Next(start, value: true);
            if (endsBeforeFile && end == used.Count)
                yield break;
            yield return (new ClusterIndex(start), end - start);
            start = used.Next(end, value: false);
        }
    }

    internal static CheckIssue Describe(ClusterIndex first, long count, QedGeometry geometry) => new()
    {
        Kind = CheckIssueKind.LeakedClusters,
        HostOffset = geometry.OffsetOf(first),
        Clusters = count,
        Repair = "Reclaim the space.",
    };
}
