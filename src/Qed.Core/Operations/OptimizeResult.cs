namespace Qed.Operations;

/// <summary>What optimizing an image has done, or would do.</summary>
public sealed record OptimizeResult
{
    /// <summary>The image as a check has found it before.</summary>
    public required CheckResult Before { get; init; }

    /// <summary>The image as a check has found it afterwards; of a plan the same as before.</summary>
    public required CheckResult After { get; init; }

    /// <summary>Bytes that the file took up on the host's disk before; null where the system does not tell.</summary>
    public long? AllocatedSizeBefore { get; init; }

    /// <summary>Bytes that it takes up now; null where the system does not tell, and of a plan.</summary>
    public long? AllocatedSizeAfter { get; init; }

    /// <summary>Length of the file in bytes before; on a block device, where in it the last cluster ended that was in use.</summary>
    public required long FileSizeBefore { get; init; }

    /// <summary>The same afterwards; of a plan, what it would be.</summary>
    public required long FileSize { get; init; }

    /// <summary>Clusters that held only zeroes and were freed.</summary>
    public long FreedZeroClusters { get; init; }

    /// <summary>Bytes that were moved within the file, those of a cluster as often as it was; of a plan, that would be.</summary>
    public long MovedBytes { get; init; }

    /// <summary>Whether nothing was done, only said, by <see cref="OptimizeImage.Plan"/>.</summary>
    public bool IsPlan { get; init; }

    /// <summary>Bytes by which the file is shorter, or less of the block device is used.</summary>
    public long GainedBytes => FileSizeBefore - FileSize;
}
