namespace Qed;

/// <summary>A run of the guest's disk of one kind in one image, contiguous on the host where it has an offset there.</summary>
/// <param name="Offset">Where it starts on the guest's disk, in bytes.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
/// <param name="Kind">What it is; unallocated where no image that was asked says anything, so that it reads as zeroes or from images below.</param>
/// <param name="HostOffset">Where its first byte lies in <paramref name="HostPath"/>, in bytes, where there is such a place.</param>
/// <param name="Depth">How far below the image that was asked the one lies that holds it; of an unallocated run the last one whose disk reaches so far.</param>
/// <param name="HostPath">Full path of the image that holds it; null for an unallocated run.</param>
public readonly record struct MappedExtent(long Offset, long Length, ExtentKind Kind, long? HostOffset, int Depth, string? HostPath)
{
    /// <summary>Whether the entries of the run are damaged, so that nothing can be told of it.</summary>
    public bool IsDamaged { get; init; }

    /// <summary>The guest offset just behind the run.</summary>
    public long End => Offset + Length;
}
