namespace Qed;

/// <summary>A range of the guest's disk, or of a file where that is said.</summary>
/// <param name="Offset">Bytes from the start to the first one of the range.</param>
/// <param name="Length">Its length in bytes.</param>
public readonly record struct ByteRange(long Offset, long Length)
{
    /// <summary>The offset just behind the range.</summary>
    public long End => Offset + Length;
}
