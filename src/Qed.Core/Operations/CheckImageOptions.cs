namespace Qed.Operations;

/// <summary>What <see cref="CheckImage"/> is to check.</summary>
public sealed record CheckImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>
    /// Whether another process may be writing the image: no lock is taken, and an anomaly is believed only when several
    /// passes find it.
    /// </summary>
    public bool Online { get; init; }

    /// <summary>How fast to read at most, in bytes a second, at least 1; null for no limit.</summary>
    public long? MaximumBytesPerSecond { get; init; }

    /// <summary>The most issues that are listed; all are counted.</summary>
    public int MaximumIssues { get; init; } = 100_000;
}
