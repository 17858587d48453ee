using System.Collections.Generic;

namespace Qed.Images;

/// <summary>A backing file as an image names it: an untrusted name, not yet resolved.</summary>
/// <param name="Name">The name as stored.</param>
/// <param name="Format">The short name of its format where the image fixes it; null where it has to be probed.</param>
public sealed record BackingReference(string Name, string? Format)
{
    /// <summary>Further names that the image stores for the same file, in the order in which they are tried.</summary>
    public IReadOnlyList<string> OtherNames { get; init; } = [];
}
