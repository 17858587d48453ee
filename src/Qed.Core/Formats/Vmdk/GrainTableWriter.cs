using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>
/// The grain tables of an image that is being written, both copies. They lie in the file one behind the other, so an
/// entry's place follows from its grain. Grains come in order: tables that were left behind are written out early, which
/// keeps memory bounded however large the disk is.
/// </summary>
internal sealed class GrainTableWriter(BlockStorage target, long primaryOffset, long redundantOffset)
{
    private const int EntriesPerPage = 1 << 14;
    private const int MostPages = 256;

    private readonly Dictionary<long, uint[]> _pages = [];
    private long _firstNeverWritten;

    /// <summary>The entry of a grain. The reference is good until the next call.</summary>
    internal ref uint EntryOf(long grain)
    {
        long key = grain / EntriesPerPage;
        if (!_pages.TryGetValue(key, out uint[]? page))
            page = Add(key);
        return ref page[grain % EntriesPerPage];
    }

    /// <summary>Writes all that is still in memory.</summary>
    internal void Complete()
    {
        foreach (long key in _pages.Keys.OrderBy(key => key).ToArray())
            WriteOut(key);
    }

    private uint[] Add(long key)
    {
        if (_pages.Count >= MostPages)
        {
            foreach (long old in _pages.Keys.OrderBy(other => other).Take(MostPages / 4).ToArray())
                WriteOut(old);
        }

        var page = new uint[EntriesPerPage];
        // A slow writer may come back for a page that was already written out.
        if (key < _firstNeverWritten)
        {
            target.ReadOrZero(primaryOffset + PlaceOf(key), MemoryMarshal.AsBytes(page.AsSpan()));
            Convert(page);
        }

        _pages.Add(key, page);
        return page;
    }

    private void WriteOut(long key)
    {
        uint[] page = _pages[key];
        _pages.Remove(key);
        _firstNeverWritten = Math.Max(_firstNeverWritten, key + 1);
        int used = page.Length;
        while (used > 0 && page[used - 1] == 0)
            used--;
        // The rest of the tables' room is a hole, which reads as the zeroes that it should hold.
        Convert(page);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(page.AsSpan(0, used));
        if (bytes.IsEmpty)
            return;
        target.Write(primaryOffset + PlaceOf(key), bytes);
        target.Write(redundantOffset + PlaceOf(key), bytes);
    }

    private static long PlaceOf(long key) => key * EntriesPerPage * SparseHeader.EntrySize;

    /// <summary>Turns numbers into what stands on disk, and back.</summary>
    private static void Convert(uint[] entries)
    {
        if (BitConverter.IsLittleEndian)
            return;
        for (int i = 0; i < entries.Length; i++)
            entries[i] = BinaryPrimitives.ReverseEndianness(entries[i]);
    }
}
