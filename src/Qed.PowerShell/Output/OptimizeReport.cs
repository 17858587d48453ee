using System.Management.Automation;
using Qed.Operations;

namespace Qed;

/// <summary>What optimizing an image has come to: the image before and after.</summary>
public sealed class OptimizeReport : ImageResult
{
    internal OptimizeReport(OptimizeResult result, OptimizeMode mode)
    {
        Path = result.Before.Path;
        Mode = mode;
        FileSizeBefore = (ulong)result.FileSizeBefore;
        FileSize = (ulong)result.FileSize;
        AllocatedSizeBefore = (ulong?)result.AllocatedSizeBefore;
        AllocatedSize = (ulong?)result.AllocatedSizeAfter;
        LeakedClustersBefore = result.Before.LeakedClusters;
        LeakedClusters = result.After.LeakedClusters;
        FreeClustersBefore = result.Before.FreeClusters;
        FreeClusters = result.After.FreeClusters;
        AllocatedClustersBefore = result.Before.AllocatedClusters;
        AllocatedClusters = result.After.AllocatedClusters;
        ZeroClustersBefore = result.Before.ZeroClusters;
        ZeroClusters = result.After.ZeroClusters;
        FragmentedClustersBefore = result.Before.FragmentedClusters;
        FragmentedClusters = result.After.FragmentedClusters;
        FreedZeroClusters = result.FreedZeroClusters;
        MovedBytes = (ulong)result.MovedBytes;
    }

    /// <summary>Full path of the image's file.</summary>
    public override string Path { get; }

    /// <summary>How much was to be done.</summary>
    public OptimizeMode Mode { get; }

    /// <summary>Length of the image's file in bytes before; on a block device, how far into it the image reached.</summary>
    public ulong FileSizeBefore { get; }

    /// <summary>Length of the image's file in bytes; on a block device, how far into it the image reaches.</summary>
    public ulong FileSize { get; }

    /// <summary>Bytes that the file took up on the host's disk before; null where the system does not tell.</summary>
    public ulong? AllocatedSizeBefore { get; }

    /// <summary>Bytes that the file takes up on the host's disk; null where the system does not tell.</summary>
    public ulong? AllocatedSize { get; }

    /// <summary>Clusters of the file that nothing used before, and that took up space on the host's disk.</summary>
    public long LeakedClustersBefore { get; }

    /// <summary>Clusters of the file that nothing uses, and that take up space on the host's disk.</summary>
    public long LeakedClusters { get; }

    /// <summary>Clusters of the file that nothing used before, and that took up no space.</summary>
    public long FreeClustersBefore { get; }

    /// <summary>Clusters of the file that nothing uses, and that take up no space.</summary>
    public long FreeClusters { get; }

    /// <summary>Clusters of the guest's disk that had data in the file before.</summary>
    public long AllocatedClustersBefore { get; }

    /// <summary>Clusters of the guest's disk that have data in the file.</summary>
    public long AllocatedClusters { get; }

    /// <summary>Clusters of the guest's disk that were marked as zero before.</summary>
    public long ZeroClustersBefore { get; }

    /// <summary>Clusters of the guest's disk that are marked as zero.</summary>
    public long ZeroClusters { get; }

    /// <summary>Allocated clusters that did not lie behind the one before them, before.</summary>
    public long FragmentedClustersBefore { get; }

    /// <summary>Allocated clusters that do not lie behind the one before them.</summary>
    public long FragmentedClusters { get; }

    /// <summary>Clusters that held only zeroes and were freed.</summary>
    public long FreedZeroClusters { get; }

    /// <summary>Bytes that were moved within the file.</summary>
    public ulong MovedBytes { get; }

    /// <summary>The file's length before, for reading.</summary>
    [Hidden]
    public string FileSizeBeforeText => ByteSize.Format(FileSizeBefore);

    /// <summary>The file's length, for reading.</summary>
    [Hidden]
    public string FileSizeText => ByteSize.Format(FileSize);

    /// <summary>What was moved, for reading.</summary>
    [Hidden]
    public string MovedText => ByteSize.Format(MovedBytes);
}
