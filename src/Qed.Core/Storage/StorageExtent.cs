namespace Qed.Storage;

/// <summary>A run of a host file that is all data or all hole.</summary>
/// <param name="Offset">Where it starts, in bytes.</param>
/// <param name="Length">Its length in bytes, at least 1.</param>
/// <param name="IsHole">Whether the host holds no blocks for it, so that it reads as zeroes.</param>
internal readonly record struct StorageExtent(long Offset, long Length, bool IsHole)
{
    /// <summary>The offset just behind the run.</summary>
    public long End => Offset + Length;

    /// <summary>Whether it is a hole that reaches to an offset.</summary>
    internal bool IsHoleUpTo(long end) => IsHole && End >= end;
}
