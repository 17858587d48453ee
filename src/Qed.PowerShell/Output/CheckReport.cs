using System;
using System.Linq;
using System.Management.Automation;

namespace Qed;

/// <summary>What a consistency check of an image has found. Counts are null where the image could not be checked.</summary>
public class CheckReport : ImageResult
{
    internal CheckReport(CheckResult result)
        : this(result, result.Status)
    {
    }

    private protected CheckReport(CheckResult result, CheckStatus status)
    {
        Path = result.Path;
        Status = status;
        IsClean = result.IsClean;
        NeedsCheck = result.NeedsCheck;
        IsOnline = result.IsOnline;
        Size = (ulong)result.Size;
        FileSize = (ulong)result.FileSize;
        EndOfUse = (ulong)result.EndOfUse;
        TotalClusters = result.TotalClusters;
        AllocatedClusters = result.AllocatedClusters;
        ZeroClusters = result.ZeroClusters;
        FragmentedClusters = result.FragmentedClusters;
        FragmentationPercentage = Math.Round(result.FragmentationPercentage, 2);
        LeakedClusters = result.LeakedClusters;
        LeakedBytes = (ulong)result.LeakedBytes;
        FreeClusters = result.FreeClusters;
        Corruptions = result.Corruptions;
        UnfinishedUndoPath = result.UnfinishedUndoPath;
        Issues = result.Issues.Select(issue => new CheckIssue(issue)).ToArray();
        Duration = result.Duration;
    }

    /// <summary>Tells of an image that could not be checked.</summary>
    internal CheckReport(string path, string errorId, string message)
    {
        Path = path;
        Status = CheckStatus.Failed;
        ErrorId = errorId;
        Message = message;
        Issues = [];
    }

    /// <summary>Full path of the image's file.</summary>
    public override string Path { get; }

    /// <summary>What the check came to.</summary>
    public CheckStatus Status { get; }

    /// <summary>Whether nothing is wrong, not even a leak.</summary>
    public bool IsClean { get; }

    /// <summary>Whether the image was not closed cleanly.</summary>
    public bool? NeedsCheck { get; }

    /// <summary>Whether the image was checked while somebody may have been writing it.</summary>
    public bool IsOnline { get; }

    /// <summary>Bytes of the disk that the guest sees.</summary>
    public ulong? Size { get; }

    /// <summary>Length of the image's file in bytes.</summary>
    public ulong? FileSize { get; }

    /// <summary>How far into the file, or the block device, the image reaches: where its last cluster ends that is in use.</summary>
    public ulong? EndOfUse { get; }

    /// <summary>Clusters of the guest's disk.</summary>
    public long? TotalClusters { get; }

    /// <summary>Of these, clusters that have data in the file.</summary>
    public long? AllocatedClusters { get; }

    /// <summary>Of these, clusters that are marked as zero.</summary>
    public long? ZeroClusters { get; }

    /// <summary>Allocated clusters that do not lie behind the one before them.</summary>
    public long? FragmentedClusters { get; }

    /// <summary>Share of the allocated clusters that are fragmented, from 0 to 100, to two decimals.</summary>
    public double? FragmentationPercentage { get; }

    /// <summary>Clusters of the file that nothing uses and that take space on the host's disk.</summary>
    public long? LeakedClusters { get; }

    /// <summary>Bytes of the host's disk that they take.</summary>
    public ulong? LeakedBytes { get; }

    /// <summary>Clusters of the file that nothing uses and that take no space on the host's disk: they are used again.</summary>
    public long? FreeClusters { get; }

    /// <summary>Table entries that break a rule.</summary>
    public long? Corruptions { get; }

    /// <summary>The findings: corruptions in the guest's order, then leaks in the file's.</summary>
    public CheckIssue[] Issues { get; }

    /// <summary>The kind of the error, as in FullyQualifiedErrorId, that kept the image from being checked; null where none did.</summary>
    public string? ErrorId { get; }

    /// <summary>What that error says.</summary>
    public string? Message { get; }

    /// <summary>The undo file of a repair that has begun and not ended, or whose undoing has; null where there is none.</summary>
    public string? UnfinishedUndoPath { get; }

    /// <summary>How long the check took.</summary>
    public TimeSpan? Duration { get; }

    /// <summary>The status, and what else needs attention.</summary>
    [Hidden]
    public string StatusText => NeedsCheck == true ? $"{Status}, needs check" : Status.ToString();

    /// <summary>How badly attention is needed: 0, 1 for space or a check, 2 for data.</summary>
    [Hidden]
    public int Severity => Status is CheckStatus.Corrupt or CheckStatus.Failed ? 2 : Status == CheckStatus.Leaked || NeedsCheck == true ? 1 : 0;

    /// <summary>See <see cref="LeakedBytes"/>.</summary>
    [Hidden]
    public string LeakedText => ByteSize.Format(LeakedBytes);

    /// <summary>How much of the disk has data in the file.</summary>
    [Hidden]
    public string? UsedText => ViewText.Share(AllocatedClusters, TotalClusters);

    /// <summary>See <see cref="FragmentationPercentage"/>.</summary>
    [Hidden]
    public string? FragmentationText => FragmentationPercentage is { } share ? ViewText.Percent(share) : null;

    /// <summary>The file's name, and why it could not be checked.</summary>
    [Hidden]
    public string NameText => ErrorId is null ? Name : $"{Name} ({ErrorId})";

    /// <summary>See <see cref="FileSize"/>.</summary>
    [Hidden]
    public string? FileSizeLongText => ViewText.Bytes(FileSize);

    /// <summary>See <see cref="AllocatedClusters"/>.</summary>
    [Hidden]
    public string? ClustersText => TotalClusters is null ? null : $"{TotalClusters:N0}, of them {AllocatedClusters:N0} with data and {ZeroClusters:N0} marked as zero";

    /// <summary>See <see cref="FragmentedClusters"/>.</summary>
    [Hidden]
    public string? FragmentedText => FragmentedClusters is null ? null : $"{FragmentedClusters:N0} ({FragmentationText})";

    /// <summary>See <see cref="LeakedClusters"/>.</summary>
    [Hidden]
    public string? LeakedLongText => LeakedClusters is null ? null : $"{LeakedClusters:N0} ({LeakedText})";

    /// <summary>How many findings there are of each kind.</summary>
    [Hidden]
    public string? IssuesText => Issues.Length == 0 ? null
        : string.Join(", ", Issues.GroupBy(issue => issue.Kind).Select(kind => $"{kind.Count()} {kind.Key}"));
}
