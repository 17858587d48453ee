using System.Collections.Generic;

namespace Qed.Images;

/// <summary>A backing file as an image names it: an untrusted name, not yet resolved.</summary>
/// <param name="Name">The name as stored.</param>
/// <param name="Format">The short name of its format where the image fixes it; null where it has to be probed.</param>
internal sealed record BackingReference(string Name, string? Format)
{
    /// <summary>The name of the format that has no structure of its own, and so has to be said of a file: by its bytes it could be any.</summary>
    internal const string RawName = "raw";

    /// <summary>Whether the image says that the file is raw, so that it is never probed.</summary>
    internal bool IsRaw => Format == RawName;

    /// <summary>Further names that the image stores for the same file, in the order in which they are tried.</summary>
    public IReadOnlyList<string> OtherNames { get; init; } = [];

    /// <summary>
    /// The reference as it is to be stored over the image that was found by it: what is raw today is fixed as raw, since a guest
    /// that writes a foreign header into it must not change what it is.
    /// </summary>
    /// <param name="found">The format of that image; null where none was opened.</param>
    internal BackingReference StoredOver(string? found) => Format is null && found == RawName ? this with { Format = RawName } : this;
}
