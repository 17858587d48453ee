namespace Qed.Units;

/// <summary>The number of a cluster in the host file: its offset divided by the cluster size.</summary>
/// <param name="Value">Zero is the cluster that holds the header.</param>
internal readonly record struct ClusterIndex(long Value);
