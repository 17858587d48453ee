using System;
using System.Collections.Generic;

namespace Qed;

/// <summary>What a consistency check has found.</summary>
public sealed record CheckResult
{
    /// <summary>Full path of the image's file.</summary>
    public required string Path { get; init; }

    /// <summary>Whether the image was not closed cleanly.</summary>
    public required bool NeedsCheck { get; init; }

    /// <summary>Bytes of the guest's disk.</summary>
    public required long Size { get; init; }

    /// <summary>Length of the image's file in bytes when the check began.</summary>
    public required long FileSize { get; init; }

    /// <summary>Where in the file, in bytes, the last cluster ends that is in use: on a block device nothing belongs to the image from there on.</summary>
    public long EndOfUse { get; init; }

    /// <summary>Bytes in a cluster.</summary>
    public required long ClusterSize { get; init; }

    /// <summary>Clusters of the guest's disk, a last part counted whole.</summary>
    public required long TotalClusters { get; init; }

    /// <summary>Of these, clusters that have data in the file.</summary>
    public required long AllocatedClusters { get; init; }

    /// <summary>Of these, clusters marked as zero.</summary>
    public required long ZeroClusters { get; init; }

    /// <summary>Data clusters that do not lie right behind the one before them in the same L2 table.</summary>
    public required long FragmentedClusters { get; init; }

    /// <summary>
    /// Clusters of the file that nothing references and that take no space of the host: whoever writes the image next uses them.
    /// On a block device all up to <see cref="EndOfUse"/> that nothing references.
    /// </summary>
    public required long FreeClusters { get; init; }

    /// <summary>
    /// Clusters of the file that nothing references, or only entries beyond the end of the disk, and that take space of the
    /// host. Of an image that somebody is writing, at least so many.
    /// </summary>
    public required long LeakedClusters { get; init; }

    /// <summary>Bytes of the host that leaked clusters take.</summary>
    public required long LeakedBytes { get; init; }

    /// <summary>Sound entries that map guest bytes beyond the end of the disk: a shrink was cut short.</summary>
    public required long EntriesBeyondEnd { get; init; }

    /// <summary>Bytes behind the last whole cluster of the file, which no image needs.</summary>
    public long TailBytes { get; init; }

    /// <summary>The undo file of a repair that has begun and not ended, or whose undoing has; null where there is none.</summary>
    public string? UnfinishedUndoPath { get; init; }

    /// <summary>Entries that break a rule.</summary>
    public required long Corruptions { get; init; }

    /// <summary>The findings, corruptions in guest order before leaks in file order; at most as many as were asked for.</summary>
    public required IReadOnlyList<ImageIssue> Issues { get; init; }

    /// <summary>Whether the image was checked while somebody may have been writing it.</summary>
    public bool IsOnline { get; init; }

    /// <summary>How long the check took.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Whether nothing is wrong, not even a leak; space that is free is none.</summary>
    public bool IsClean => Status == CheckStatus.Clean;

    /// <summary>What the check came to: clean, leaked or corrupt. That the image was not closed cleanly is not wrong by itself.</summary>
    public CheckStatus Status => Corruptions > 0 ? CheckStatus.Corrupt : LeakedClusters > 0 ? CheckStatus.Leaked : CheckStatus.Clean;

    /// <summary>Share of the allocated clusters that are fragmented, from 0 to 100.</summary>
    public double FragmentationPercentage => AllocatedClusters == 0 ? 0 : 100.0 * FragmentedClusters / AllocatedClusters;
}
