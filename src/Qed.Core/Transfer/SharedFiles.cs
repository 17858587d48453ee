using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>
/// Finds out whether two chains take a run from one and the same file, as an overlay and its backing file do: what one
/// file says about a guest offset needs no comparing with itself.
/// </summary>
/// <remarks>Not for images opened at an internal snapshot, which read differently from the same file.</remarks>
internal sealed class SharedFiles
{
    private readonly Dictionary<DiskImage, FileIdentity?> _identities = [];

    /// <summary>Whether two images are openings of one file in one format.</summary>
    internal bool IsSame(DiskImage? one, DiskImage? other)
        => one is not null && other is not null
            && one.Format == other.Format
            && IdentityOf(one) is { } identity && identity.Equals(IdentityOf(other));

    private FileIdentity? IdentityOf(DiskImage image)
    {
        if (!_identities.TryGetValue(image, out FileIdentity? identity))
            _identities.Add(image, identity = FileIdentity.Of(image.Path));
        return identity;
    }
}
