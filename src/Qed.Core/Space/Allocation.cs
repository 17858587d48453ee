using Qed.Units;

namespace Qed.Space;

/// <summary>Clusters that were given out, side by side.</summary>
/// <param name="Start">Where the first lies.</param>
/// <param name="Count">How many, which may be fewer than asked for.</param>
/// <param name="Freshness">What they hold.</param>
internal readonly record struct Allocation(HostOffset Start, long Count, Freshness Freshness);
