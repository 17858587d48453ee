namespace Qed.Operations;

/// <summary>What <see cref="CheckImage"/> is to check.</summary>
public sealed record CheckImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>The most issues that are listed; all are counted.</summary>
    public int MaximumIssues { get; init; } = 100_000;
}
