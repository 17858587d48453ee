using Qed.Units;


namespace Qed.Checking;

/// <summary>What a repair does about an L1 entry.</summary>
internal enum L1Remedy
{
    /// <summary>No table is left that could be its own.</summary>
    Clear,

    /// <summary>It points at an orphaned table from then on.</summary>
    Repoint,

    /// <summary>It gets a copy of the table that it shares.</summary>
    Copy,

    /// <summary>Its table is cut off by the end of the file, which is extended.</summary>
    Extend,

    /// <summary>Nothing, and nothing about what its table says: there is more than one explanation.</summary>
    Leave,

    /// <summary>Nothing yet: others come first, and may decide it.</summary>
    Wait,
}

/// <summary>What a repair does about an L1 entry that is not right.</summary>
/// <param name="Issue">The finding that shows it.</param>
/// <param name="Index">The entry.</param>
/// <param name="Remedy">What is done.</param>
/// <param name="Table">The orphaned table, for <see cref="L1Remedy.Repoint"/>.</param>
internal sealed record L1Verdict(ImageIssue Issue, int Index, L1Remedy Remedy, HostOffset Table = default);
