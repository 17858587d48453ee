namespace Qed.Operations;

/// <summary>What a change of an image where it lies has come to.</summary>
public sealed record ChangeResult
{
    /// <summary>The image as it was; who had it in use is not told.</summary>
    public required ImageDescription Before { get; init; }

    /// <summary>The image as it is now.</summary>
    public required ImageDescription After { get; init; }

    /// <summary>Bytes of the guest's disk that were written: those of a source, or those that the image got of its old backing file.</summary>
    public long WrittenBytes { get; init; }

    /// <summary>Clusters by which the file became shorter, because nothing needs them.</summary>
    public long ReclaimedClusters { get; init; }
}
