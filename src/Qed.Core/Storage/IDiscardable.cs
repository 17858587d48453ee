namespace Qed.Storage;

/// <summary>A storage that can be told that nobody needs what it holds in a range.</summary>
internal interface IDiscardable
{
    /// <summary>Gives a range up: what it reads as from then on, zeroes, what was there or anything else, nobody can know.</summary>
    /// <returns>False, with nothing changed, where the host does not listen.</returns>
    bool TryDiscard(long offset, long length);
}
