namespace Qed.Operations;

/// <summary>What <see cref="OptimizeImage"/> is to do.</summary>
public sealed record OptimizeImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>How much is done.</summary>
    public OptimizeMode Mode { get; init; }
}
