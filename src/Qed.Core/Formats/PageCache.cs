using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Storage;

namespace Qed.Formats;

/// <summary>
/// Keeps recently read pieces of a file's tables in bounded memory, for images that are only read. Threads may share it;
/// nobody waits for another one's disk.
/// </summary>
internal sealed class PageCache(BlockStorage storage)
{
    /// <summary>Bytes in a page.</summary>
    internal const int PageBytes = 1 << 16;

    private const int MaximumPages = 256;

    private readonly object _lock = new();
    private readonly Dictionary<long, Page> _pages = [];
    private long _clock;

    /// <summary>
    /// The table bytes from an offset on, up to the end of their page or to what the host cannot read of it; zeroes past the
    /// end of the file.
    /// </summary>
    /// <param name="offset">Byte offset in the file, not negative.</param>
    internal ReadOnlySpan<byte> BytesAt(long offset)
    {
        Page page = Find(offset & -PageBytes);
        int place = (int)(offset & (PageBytes - 1));
        return page.Bytes.AsSpan(place, page.Faults?.ReadableAt(place) ?? PageBytes - place);
    }

    /// <summary>A little-endian number; it must not straddle a 64 KiB boundary.</summary>
    internal uint UInt32LittleEndian(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(BytesAt(offset));

    /// <summary>A big-endian number; it must not straddle a 64 KiB boundary.</summary>
    internal uint UInt32BigEndian(long offset) => BinaryPrimitives.ReadUInt32BigEndian(BytesAt(offset));

    /// <summary>A little-endian number; it must not straddle a 64 KiB boundary.</summary>
    internal ulong UInt64LittleEndian(long offset) => BinaryPrimitives.ReadUInt64LittleEndian(BytesAt(offset));

    /// <summary>A big-endian number; it must not straddle a 64 KiB boundary.</summary>
    internal ulong UInt64BigEndian(long offset) => BinaryPrimitives.ReadUInt64BigEndian(BytesAt(offset));

    private Page Find(long offset)
    {
        lock (_lock)
        {
            if (_pages.TryGetValue(offset, out Page? known))
            {
                known.LastUse = ++_clock;
                return known;
            }
        }

        // Two that miss the same page both read it, which is cheaper than making one wait.
        byte[] bytes = new byte[PageBytes];
        var page = new Page(bytes, PageFaults.Read(storage, offset, bytes, out _));
        lock (_lock)
        {
            if (_pages.Count >= MaximumPages)
            {
                foreach (long old in _pages.OrderBy(entry => entry.Value.LastUse).Take(MaximumPages / 4).Select(entry => entry.Key).ToArray())
                    _pages.Remove(old);
            }

            page.LastUse = ++_clock;
            _pages[offset] = page;
        }

        return page;
    }

    private sealed class Page(byte[] bytes, PageFaults? faults)
    {
        internal byte[] Bytes { get; } = bytes;

        internal PageFaults? Faults { get; } = faults;

        internal long LastUse { get; set; }
    }
}
