using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Qed.Bits;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>Writes the tables of a fresh image behind its data, each once: L2 tables, L1 table, refcount table, refcount blocks.</summary>
internal sealed class TableWriter(BlockStorage target, Qcow2Geometry geometry, FreshClusters clusters, EntryPages entries)
{
    private const int CountBytes = 2;
    private const int CountsPerWrite = 1 << 15;

    /// <summary>Places and writes all tables and sets the file's length.</summary>
    /// <returns>The header that points to them.</returns>
    internal Qcow2Header Write(long size)
    {
        Dictionary<int, long> tables = PlaceL2Tables();
        int l1Entries = (int)Math.Max(1, geometry.L1EntriesFor(size));
        long l1Offset = clusters.Take(ClustersFor((long)l1Entries * Qcow2Geometry.EntryBytes));
        (long refcountTable, int tableClusters, long blocks) = PlaceRefcounts();
        target.SetLength(clusters.Count << geometry.ClusterBits);
        foreach ((long first, ulong[] page) in entries.InOrder)
            WriteL2Tables(first, page, tables);
        WriteOffsets(l1Offset, tables.Count == 0 ? 0 : tables.Keys.Max() + 1, index => tables.TryGetValue((int)index, out long table) ? (ulong)table | L2Entry.Copied : 0);
        long firstBlock = refcountTable + ((long)tableClusters << geometry.ClusterBits);
        WriteOffsets(refcountTable, blocks, index => (ulong)(firstBlock + (index << geometry.ClusterBits)));
        WriteRefcountBlocks(firstBlock);
        return new Qcow2Header
        {
            Version = 3,
            Geometry = geometry,
            Size = size,
            L1Table = new L1Table(l1Offset, l1Entries),
            RefcountTableOffset = refcountTable,
            RefcountTableClusters = tableClusters,
        };
    }

    /// <summary>Takes a cluster for each L2 table that maps anything, in order.</summary>
    private Dictionary<int, long> PlaceL2Tables()
    {
        var tables = new Dictionary<int, long>();
        int step = Math.Min(EntryPages.EntriesPerPage, geometry.EntriesPerTable);
        foreach ((long first, ulong[] page) in entries.InOrder)
        {
            for (int start = 0; start < page.Length; start += step)
            {
                int index = L1IndexOf(first + start);
                if (!tables.ContainsKey(index) && !IsEmpty(page, start, step))
                    tables.Add(index, clusters.Take(1));
            }
        }

        return tables;
    }

    /// <summary>Takes room for the refcount table and its blocks, which count themselves.</summary>
    private (long Table, int TableClusters, long Blocks) PlaceRefcounts()
    {
        long countsPerBlock = geometry.ClusterSize / CountBytes;
        long blocks = 0;
        long tableClusters = 0;
        long total;
        do
        {
            total = clusters.Count + tableClusters + blocks;
            blocks = (total + countsPerBlock - 1) / countsPerBlock;
            tableClusters = ClustersFor(blocks * Qcow2Geometry.EntryBytes);
        }
        while (total != clusters.Count + tableClusters + blocks);
        if (tableClusters << geometry.ClusterBits > Qcow2Geometry.MaximumRefcountTableBytes)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, "the file is larger than a refcount table can count with this cluster size", target.Path)
            {
                Remedy = geometry.ClusterBits < Qcow2Geometry.MaximumClusterBits ? new(RemedyKind.EnlargeClusters) : null,
            };
        }

        long table = clusters.Take(tableClusters);
        clusters.Take(blocks);
        return (table, (int)tableClusters, blocks);
    }

    /// <summary>Writes a page's part of a large table, or the small tables that a page holds; neighbours in the file go in one write.</summary>
    private void WriteL2Tables(long first, ulong[] page, Dictionary<int, long> tables)
    {
        int step = Math.Min(EntryPages.EntriesPerPage, geometry.EntriesPerTable);
        for (int start = 0; start < page.Length;)
        {
            int end = start;
            while (end < page.Length && !IsEmpty(page, end, step))
                end += step;
            if (end > start)
            {
                long inTable = ((first + start) & (geometry.EntriesPerTable - 1)) * Qcow2Geometry.EntryBytes;
                Span<ulong> run = page.AsSpan(start, end - start);
                ToBigEndian(run);
                target.Write(tables[L1IndexOf(first + start)] + inTable, MemoryMarshal.AsBytes(run));
            }

            start = Math.Max(end, start + step);
        }
    }

    private void WriteOffsets(long offset, long count, Func<long, ulong> entryAt)
    {
        var chunk = new ulong[(int)Math.Min(count, EntryPages.EntriesPerPage)];
        for (long done = 0; done < count;)
        {
            Span<ulong> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, count - done));
            for (int i = 0; i < part.Length; i++)
                part[i] = entryAt(done + i);
            ToBigEndian(part);
            target.Write(offset + (done * Qcow2Geometry.EntryBytes), MemoryMarshal.AsBytes(part));
            done += part.Length;
        }
    }

    /// <summary>The blocks lie side by side, so they are one long table of counts.</summary>
    private void WriteRefcountBlocks(long offset)
    {
        byte[] chunk = new byte[CountsPerWrite * CountBytes];
        for (long cluster = 0; cluster < clusters.Count;)
        {
            int count = (int)Math.Min(CountsPerWrite, clusters.Count - cluster);
            for (int i = 0; i < count; i++)
                BinaryPrimitives.WriteUInt16BigEndian(chunk.AsSpan(i * CountBytes), clusters.ReferencesOf(cluster + i));
            target.Write(offset + (cluster * CountBytes), chunk.AsSpan(0, count * CountBytes));
            cluster += count;
        }
    }

    private long ClustersFor(long bytes) => (bytes + geometry.ClusterSize - 1) >> geometry.ClusterBits;

    private int L1IndexOf(long guestCluster) => (int)(guestCluster / geometry.EntriesPerTable);

    private static bool IsEmpty(ulong[] page, int start, int length) => ZeroScan.IsZero(MemoryMarshal.AsBytes(page.AsSpan(start, length)));

    private static void ToBigEndian(Span<ulong> numbers)
    {
        if (!BitConverter.IsLittleEndian)
            return;
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReverseEndianness(numbers[i]);
    }
}
