using System.Collections.Generic;

namespace Qed.Formats.Vmdk;

/// <summary>The text that describes a disk: its identity, its parent and its extents.</summary>
internal sealed record Descriptor
{
    /// <summary>The parent id of a disk that has no parent.</summary>
    internal const uint NoParent = 0xffffffff;

    /// <summary>Changes whenever the disk's contents do.</summary>
    internal required uint ContentId { get; init; }

    /// <summary>The content id that the parent must have.</summary>
    internal uint ParentContentId { get; init; } = NoParent;

    /// <summary>The variant of the format, in its own words; null where the text does not say.</summary>
    internal string? CreateType { get; init; }

    /// <summary>Where the parent was when this text was written.</summary>
    internal string? ParentName { get; init; }

    /// <summary>Whether changed blocks are tracked, in a file that is of no concern here.</summary>
    internal bool HasChangeTracking { get; init; }

    /// <summary>The extents in guest order.</summary>
    internal required IReadOnlyList<DescriptorExtent> Extents { get; init; }
}
