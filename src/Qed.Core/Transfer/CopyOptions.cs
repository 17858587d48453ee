using System.Collections.Generic;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>How <see cref="ImageCopier"/> copies.</summary>
internal sealed record CopyOptions
{
    /// <summary>As a fresh image is filled.</summary>
    internal static CopyOptions Default { get; } = new();

    /// <summary>Whether zeroes are written too, because what the target shows so far is not known.</summary>
    internal bool WriteZeroes { get; init; }

    /// <summary>Whether zeroes and holes of the source are written as data, so that the target has space for all of its disk.</summary>
    internal bool AllocateAll { get; init; }

    /// <summary>The ranges that are looked at; null to find out which can differ.</summary>
    internal IEnumerable<WorkPiece>? Plan { get; init; }

    /// <summary>Whether most of what is copied differs from what the target's backing image has, so that of a grain the start is compared first.</summary>
    internal bool ExpectsDifferences { get; init; }

    /// <summary>How fast data is copied; null for as fast as it goes.</summary>
    internal RateLimit? Limit { get; init; }
}
