using Qed.Units;

namespace Qed.Compaction;

/// <summary>A table that is to lie elsewhere.</summary>
/// <param name="Table">Its number in the <see cref="ImageLayout"/>.</param>
/// <param name="To">Where it goes.</param>
internal readonly record struct TableMove(int Table, ClusterIndex To);
