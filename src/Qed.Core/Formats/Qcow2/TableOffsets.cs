using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Bits;

namespace Qed.Formats.Qcow2;

/// <summary>The places to which the entries of an L1 or refcount table lead; entries that lead to no possible one are passed over.</summary>
internal static class TableOffsets
{
    /// <summary>All places, in the order of the entries.</summary>
    internal static IEnumerable<long> In(CachedTables pages, long offset, long entries, Qcow2Geometry geometry, long fileLength)
    {
        for (long index = 0; index < entries;)
        {
            long position = offset + (index * Qcow2Geometry.EntryBytes);
            int count = (int)Math.Min(entries - index, pages.BytesAt(position).Length / Qcow2Geometry.EntryBytes);
            index += count;
            // Most of a table that is made for a large disk.
            if (ZeroScan.IsZero(pages.BytesAt(position).Slice(0, count * Qcow2Geometry.EntryBytes)))
                continue;
            for (int i = 0; i < count; i++)
            {
                if (At(pages, position + (i * Qcow2Geometry.EntryBytes), geometry, fileLength) is not 0 and var table)
                    yield return table;
            }
        }
    }

    /// <summary>The place to which one entry leads; zero for none.</summary>
    internal static long At(CachedTables pages, long position, Qcow2Geometry geometry, long fileLength)
    {
        ulong table = BinaryPrimitives.ReadUInt64BigEndian(pages.BytesAt(position)) & L2Entry.OffsetMask;
        return geometry.IsAligned(table) && (long)table < fileLength ? (long)table : 0;
    }
}
