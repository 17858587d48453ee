using System.Collections.Generic;

namespace Qed.Operations;

/// <summary>What a merge has done, or would do.</summary>
public sealed record MergeResult
{
    /// <summary>The image that was merged, as it was before.</summary>
    public required ImageDescription Source { get; init; }

    /// <summary>The image that it was merged into, as it was before.</summary>
    public required ImageDescription Before { get; init; }

    /// <summary>The image that it was merged into, as it is now; of a plan as it was before.</summary>
    public required ImageDescription After { get; init; }

    /// <summary>Bytes of that image's disk afterwards: as many as before, or as the merged one has.</summary>
    public required long Size { get; init; }

    /// <summary>Bytes of its disk that were written as data, because they differed; of a plan, that would be.</summary>
    public required long WrittenBytes { get; init; }

    /// <summary>Bytes of its disk that were made zeroes; of a plan, that would be.</summary>
    public required long ZeroedBytes { get; init; }

    /// <summary>What has become of the merged image.</summary>
    public required MergedOverlay Overlay { get; init; }

    /// <summary>The files that were deleted, the merged image's first; of a plan, that would be.</summary>
    public IReadOnlyList<string> DeletedFiles { get; init; } = [];

    /// <summary>Whether nothing was done, only said, by <see cref="MergeImage.Plan"/>.</summary>
    public bool IsPlan { get; init; }
}
