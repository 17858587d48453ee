namespace Qed.Formats.Vhdx;

/// <summary>Sizes of a disk, and where its blocks have their entries in the block allocation table (MS-VHDX 2.5).</summary>
/// <param name="Size">Bytes of the guest's disk.</param>
/// <param name="BlockSize">Bytes in a payload block: a power of two, 1 MiB to 256 MiB.</param>
/// <param name="LogicalSectorSize">512 or 4096.</param>
internal sealed record VhdxGeometry(long Size, int BlockSize, int LogicalSectorSize)
{
    /// <summary>What every structure behind the headers is aligned to, and the size of a sector bitmap block.</summary>
    internal const int Megabyte = 1 << 20;

    internal const int MinimumBlockSize = Megabyte;
    internal const int MaximumBlockSize = 256 * Megabyte;

    /// <summary>64 TiB.</summary>
    internal const long MaximumSize = 64L << 40;

    // A bitmap block of 1 MiB has a bit for each of these.
    private const long SectorsInChunk = 1L << 23;

    /// <summary>Payload blocks that share one sector bitmap block.</summary>
    internal int ChunkRatio { get; } = (int)(SectorsInChunk * LogicalSectorSize / BlockSize);

    internal long BlockCount { get; } = (Size / BlockSize) + (Size % BlockSize == 0 ? 0 : 1);

    internal int SectorsInBlock => BlockSize / LogicalSectorSize;

    internal long ChunkCount => (BlockCount + ChunkRatio - 1) / ChunkRatio;

    /// <summary>Entries that the table must have: with a parent up to the last bitmap block, else up to the last payload block.</summary>
    internal long EntryCount(bool hasParent)
        => BlockCount == 0 ? 0
            : hasParent ? ChunkCount * (ChunkRatio + 1)
            : EntryOfBlock(BlockCount - 1) + 1;

    /// <summary>A bitmap block's entry follows those of its chunk's payload blocks, in images without a parent too.</summary>
    internal long EntryOfBlock(long block) => block + (block / ChunkRatio);

    internal long EntryOfBitmap(long chunk) => ((chunk + 1) * (ChunkRatio + 1)) - 1;

    internal static bool IsBlockSize(long value)
        => value is >= MinimumBlockSize and <= MaximumBlockSize && (value & (value - 1)) == 0;

    internal static bool IsSectorSize(uint value) => value is 512 or 4096;
}
