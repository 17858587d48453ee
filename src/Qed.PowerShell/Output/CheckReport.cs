using System;
using System.Linq;
using Qed.Checking;
using Qed.Operations;

namespace Qed;

/// <summary>What a consistency check of an image has found.</summary>
public sealed class CheckReport : ImageResult
{
    internal CheckReport(CheckResult result)
    {
        Path = result.Path;
        Status = result.Corruptions > 0 ? CheckStatus.Corrupt : result.LeakedClusters > 0 ? CheckStatus.Leaked : CheckStatus.Clean;
        NeedsCheck = result.NeedsCheck;
        IsOnline = result.IsOnline;
        TotalClusters = result.TotalClusters;
        AllocatedClusters = result.AllocatedClusters;
        ZeroClusters = result.ZeroClusters;
        FragmentedClusters = result.FragmentedClusters;
        LeakedClusters = result.LeakedClusters;
        LeakedBytes = (ulong)result.LeakedClusters * (ulong)result.ClusterSize;
        Corruptions = result.Corruptions;
        UnfinishedUndoPath = result.UnfinishedUndoPath;
        Issues = result.Issues.Select(issue => new CheckIssue(issue)).ToArray();
        Duration = result.Duration;
    }

    internal CheckReport(RepairResult repair)
        : this(repair.Check)
    {
        Changes = repair.Changes.Select(change => change.Description).ToArray();
        UndoPath = repair.UndoPath;
        if (Changes.Length > 0)
            Status = repair.Check.Corruptions > 0 ? CheckStatus.Failed : CheckStatus.Repaired;
    }

    /// <summary>Full path of the image's file.</summary>
    public override string Path { get; }

    /// <summary>What the check came to.</summary>
    public CheckStatus Status { get; }

    /// <summary>Whether nothing is wrong, not even a leak.</summary>
    public bool IsClean => Corruptions == 0 && LeakedClusters == 0;

    /// <summary>Whether the image was not closed cleanly.</summary>
    public bool NeedsCheck { get; }

    /// <summary>Whether the image was checked while somebody may have been writing it.</summary>
    public bool IsOnline { get; }

    /// <summary>Clusters of the guest's disk.</summary>
    public long TotalClusters { get; }

    /// <summary>Of these, clusters that have data in the file.</summary>
    public long AllocatedClusters { get; }

    /// <summary>Of these, clusters that are marked as zero.</summary>
    public long ZeroClusters { get; }

    /// <summary>Allocated clusters that do not lie behind the one before them.</summary>
    public long FragmentedClusters { get; }

    /// <summary>Share of the allocated clusters that are fragmented, from 0 to 100.</summary>
    public double FragmentationPercentage => AllocatedClusters == 0 ? 0 : 100.0 * FragmentedClusters / AllocatedClusters;

    /// <summary>Clusters of the file that nothing uses.</summary>
    public long LeakedClusters { get; }

    /// <summary>Bytes of the file that nothing uses.</summary>
    public ulong LeakedBytes { get; }

    /// <summary>Table entries that break a rule.</summary>
    public long Corruptions { get; }

    /// <summary>The findings: corruptions in the guest's order, then leaks in the file's.</summary>
    public CheckIssue[] Issues { get; }

    /// <summary>What a repair has done; empty for a check.</summary>
    public string[] Changes { get; } = [];

    /// <summary>The file with which a repair can be undone; null where there is none.</summary>
    public string? UndoPath { get; }

    /// <summary>The undo file of a repair that has begun and not ended, or whose undoing has; null where there is none.</summary>
    public string? UnfinishedUndoPath { get; }

    /// <summary>How long the check took.</summary>
    public TimeSpan Duration { get; }
}
