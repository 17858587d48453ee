namespace Qed;

/// <summary>One finding of a consistency check.</summary>
public sealed record ImageIssue
{
    /// <summary>What is wrong.</summary>
    public required CheckIssueKind Kind { get; init; }

    /// <summary>Index of the L1 entry concerned; null for leaks.</summary>
    public int? L1Index { get; init; }

    /// <summary>Index of the L2 entry concerned; null for leaks and for faults of the L1 entry itself.</summary>
    public int? L2Index { get; init; }

    /// <summary>Offset of the first guest byte that the entry maps; null for leaks.</summary>
    public long? GuestOffset { get; init; }

    /// <summary>Where in the file the entry points, or where the leaked clusters start; null where the value is no offset a file can have.</summary>
    public long? HostOffset { get; init; }

    /// <summary>How many clusters are concerned: more than one only for a run of leaked clusters, none for a part of one.</summary>
    public long Clusters { get; init; } = 1;

    /// <summary>What a repair would do.</summary>
    public required string Repair { get; init; }
}
