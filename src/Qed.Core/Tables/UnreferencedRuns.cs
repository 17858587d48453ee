using System.Collections.Generic;
using Qed.Units;

namespace Qed.Tables;

/// <summary>The clusters that nothing references.</summary>
internal static class UnreferencedRuns
{
    /// <summary>The runs of clear bits, in file order.</summary>
    /// <param name="used">A bit for each cluster of the file.</param>
    /// <param name="endsBeforeFile">Whether the image may end before what it lies on, as on a block device: nothing belongs to it then behind its last cluster.</param>
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
}
