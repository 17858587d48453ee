using Qed.Units;

namespace Qed.Compaction;

/// <summary>Clusters that lie side by side and are to lie side by side elsewhere.</summary>
/// <param name="From">The first.</param>
/// <param name="To">Where it goes; the two places do not overlap.</param>
/// <param name="Count">How many.</param>
internal readonly record struct ClusterMove(ClusterIndex From, ClusterIndex To, long Count);
