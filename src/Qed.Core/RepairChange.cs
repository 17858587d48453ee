namespace Qed;

/// <summary>One thing that a repair has done, or would do.</summary>
/// <param name="Description">What, in a sentence without its full stop.</param>
/// <param name="Issue">The finding that it mends; null where it is not about a single one.</param>
public sealed record RepairChange(string Description, ImageIssue? Issue = null);
