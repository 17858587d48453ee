namespace Qed.Operations;

/// <summary>How much room a conversion needs.</summary>
public sealed record MeasureResult
{
    /// <summary>Full path of the source image.</summary>
    public required string Path { get; init; }

    /// <summary>Short name of the target's format.</summary>
    public required string Format { get; init; }

    /// <summary>Variant of the target's format.</summary>
    public required Subformat Subformat { get; init; }

    /// <summary>Bytes of the target's disk: the source's, padded to what the format demands.</summary>
    public required long Size { get; init; }

    /// <summary>Bytes of the target's file, or of all its files together.</summary>
    public required long FileSize { get; init; }

    /// <summary>Bytes of that file if the whole disk were data; of disks of many terabytes to within a few tables.</summary>
    public required long FullyAllocatedSize { get; init; }

    /// <summary>Whether a conversion gives exactly that file size; else it may be smaller, and never larger.</summary>
    public required bool IsExact { get; init; }
}
