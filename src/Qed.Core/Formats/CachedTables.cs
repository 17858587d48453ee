using System;
using System.Buffers.Binary;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>The tables of an image that is only read, through a cache. Threads may share it.</summary>
/// <param name="storage">The image's file.</param>
/// <param name="budget">Bytes of memory that they may take: see <see cref="PageBudget"/>.</param>
internal sealed class CachedTables(BlockStorage storage, long budget)
{
    private readonly PageCache<CachedPage> _pages = new(storage, budget, offset => new CachedPage(offset));

    /// <summary>
    /// The table bytes from an offset on, up to the end of their page or to what the host cannot read of it; zeroes past the
    /// end of the file.
    /// </summary>
    /// <param name="offset">Byte offset in the file, not negative.</param>
    internal ReadOnlySpan<byte> BytesAt(long offset)
    {
        CachedPage page = _pages.Get(offset & -CachedPage.Size, end: long.MaxValue);
        int place = (int)(offset & (CachedPage.Size - 1));
        return page.Bytes.Slice(place, page.ReadableAt(place));
    }

    /// <summary>A little-endian number at an aligned place.</summary>
    internal uint UInt32LittleEndian(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(BytesAt(offset));

    /// <summary>A big-endian number at an aligned place.</summary>
    internal uint UInt32BigEndian(long offset) => BinaryPrimitives.ReadUInt32BigEndian(BytesAt(offset));

    /// <summary>A little-endian number at an aligned place.</summary>
    internal ulong UInt64LittleEndian(long offset) => BinaryPrimitives.ReadUInt64LittleEndian(BytesAt(offset));

    /// <summary>A big-endian number at an aligned place.</summary>
    internal ulong UInt64BigEndian(long offset) => BinaryPrimitives.ReadUInt64BigEndian(BytesAt(offset));
}
