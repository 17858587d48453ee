using System.Management.Automation;

namespace Qed;

/// <summary>One finding of a check.</summary>
public sealed class CheckIssue
{
    internal CheckIssue(ImageIssue issue)
    {
        Kind = issue.Kind;
        L1Index = issue.L1Index;
        L2Index = issue.L2Index;
        GuestOffset = (ulong?)issue.GuestOffset;
        HostOffset = (ulong?)issue.HostOffset;
        Clusters = issue.Clusters;
        Repair = issue.Repair;
    }

    /// <summary>What is wrong.</summary>
    public CheckIssueKind Kind { get; }

    /// <summary>Index of the L1 entry concerned; null for leaks.</summary>
    public int? L1Index { get; }

    /// <summary>Index of the L2 entry concerned; null for leaks and for faults of the L1 entry itself.</summary>
    public int? L2Index { get; }

    /// <summary>The first byte of the guest's disk that the entry maps; null for leaks.</summary>
    public ulong? GuestOffset { get; }

    /// <summary>Where in the file the entry points, or the leaked clusters start.</summary>
    public ulong? HostOffset { get; }

    /// <summary>How many clusters are concerned.</summary>
    public long Clusters { get; }

    /// <summary>What a repair would do.</summary>
    public string Repair { get; }

    /// <summary>See <see cref="GuestOffset"/>.</summary>
    [Hidden]
    public string? GuestText => ViewText.Hex(GuestOffset);

    /// <summary>See <see cref="HostOffset"/>.</summary>
    [Hidden]
    public string? HostText => ViewText.Hex(HostOffset);

    /// <summary>The finding in a few words.</summary>
    public override string ToString()
        => Kind == CheckIssueKind.PartOfCluster ? $"{Kind}: from host offset {HostOffset}"
            : L1Index is null ? $"{Kind}: {Clusters} from host offset {HostOffset}"
            : L2Index is null ? $"{Kind}: L1 entry {L1Index}"
            : $"{Kind}: L1 entry {L1Index}, L2 entry {L2Index}";
}
