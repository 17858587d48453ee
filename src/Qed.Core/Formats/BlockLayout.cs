namespace Qed.Formats;

/// <summary>Where a fresh image keeps the blocks that it is filled with.</summary>
/// <param name="Size">Bytes of the guest's disk.</param>
/// <param name="BlockSize">Bytes of the guest's disk in a block, a power of two.</param>
/// <param name="DataOffset">Host offset of the first block's data.</param>
/// <param name="Stride">Bytes from one block's data to the next one's on the host, at least a block.</param>
/// <param name="IsFixed">Whether every block has its place from the start, in guest order.</param>
internal readonly record struct BlockLayout(long Size, int BlockSize, long DataOffset, long Stride, bool IsFixed)
{
    /// <summary>Blocks of the guest's disk, the last one perhaps in part.</summary>
    internal long Blocks => CountFor(Size, BlockSize);

    /// <summary>The blocks that a disk takes.</summary>
    internal static long CountFor(long size, long blockSize) => (size / blockSize) + (size % blockSize == 0 ? 0 : 1);
}
