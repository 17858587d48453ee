using Qed.Units;

namespace Qed.Space;

/// <summary>Clusters that lie side by side in the file.</summary>
/// <param name="First">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct ClusterRun(ClusterIndex First, long Count)
{
    /// <summary>The number of the cluster behind the last.</summary>
    internal long End => First.Value + Count;
}
