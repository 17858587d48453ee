namespace Qed.Operations;

/// <summary>What <see cref="ResizeImage"/> is to do.</summary>
public sealed record ResizeImageOptions
{
    /// <summary>The image's file.</summary>
    public required string Path { get; init; }

    /// <summary>New bytes of the guest's disk, a multiple of 512; null for the minimum: everything up to the last byte that is not zero.</summary>
    public long? Size { get; init; }

    /// <summary>Whether the disk may become smaller, which drops what lies beyond. The minimum size drops only zeroes and needs no such word.</summary>
    public bool AllowShrink { get; init; }
}
