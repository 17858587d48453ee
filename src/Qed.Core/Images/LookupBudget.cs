namespace Qed.Images;

/// <summary>
/// How much of an image's tables one call may look at. On a sparse file tables of any length cost a hostile image nothing,
/// and all of them can say the same: a run is cut where the budget is spent, and whoever walks the disk asks anew.
/// </summary>
internal struct LookupBudget
{
    private const int MostPieces = 64;

    private int _spent;

    /// <summary>Whether one more piece of a table may be looked at: no more than lies within a few pages.</summary>
    internal bool TrySpend() => _spent++ < MostPieces;
}
