using System;
using System.Collections.Generic;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>How often each host cluster is referenced, as the image has it. What cannot be read counts as not referenced.</summary>
internal sealed class RefcountTable(CachedTables pages, Qcow2Header header, long fileLength)
{
    private const int BitsInByte = 8;

    private readonly Qcow2Geometry _geometry = header.Geometry;

    private long Entries => (long)header.RefcountTableClusters * _geometry.ClusterSize / Qcow2Geometry.EntryBytes;

    private long CountsInBlock => (long)_geometry.ClusterSize * BitsInByte >> header.RefcountOrder;

    /// <summary>The table and its blocks.</summary>
    internal IEnumerable<FileRange> Ranges()
    {
        yield return new FileRange(header.RefcountTableOffset, (long)header.RefcountTableClusters * _geometry.ClusterSize);
        foreach (long block in TableOffsets.In(pages, header.RefcountTableOffset, Entries, _geometry, fileLength))
            yield return new FileRange(block, _geometry.ClusterSize);
    }

    /// <summary>How often the cluster at a host offset is referenced.</summary>
    internal ulong CountOf(long host)
    {
        long cluster = host >> _geometry.ClusterBits;
        long index = cluster / CountsInBlock;
        if (index >= Entries)
            return 0;
        long block = TableOffsets.At(pages, header.RefcountTableOffset + (index * Qcow2Geometry.EntryBytes), _geometry, fileLength);
        return block == 0 ? 0 : CountIn(block, cluster % CountsInBlock);
    }

    private ulong CountIn(long block, long index)
    {
        long bit = index << header.RefcountOrder;
        ReadOnlySpan<byte> bytes = pages.BytesAt(block + (bit / BitsInByte));
        int width = 1 << header.RefcountOrder;
        // Counts of less than a byte start at its lowest bit; larger ones are big-endian.
        if (width < BitsInByte)
            return (ulong)(bytes[0] >> (int)(bit % BitsInByte)) & ((1UL << width) - 1);
        ulong count = 0;
        for (int i = 0; i < width / BitsInByte; i++)
            count = (count << BitsInByte) | bytes[i];
        return count;
    }
}
