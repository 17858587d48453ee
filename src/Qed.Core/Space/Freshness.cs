namespace Qed.Space;

/// <summary>What a cluster that was given out holds, now and after a crash.</summary>
internal enum Freshness
{
    /// <summary>Zeroes, as long as nothing is written there.</summary>
    Zero,

    /// <summary>Anything: it must be written whole, and be on stable storage before an entry points at it.</summary>
    Stale,
}
