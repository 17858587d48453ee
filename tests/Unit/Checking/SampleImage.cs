using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Qed.Engine;
using Qed.Layout;
using Qed.Tests.Support;
using Qed.Units;

namespace Qed.Tests.Checking;

/// <summary>
/// A sound image laid out by hand in memory, for faults to be planted in: three of four L2 tables are there, each with data
/// and zero marks; the last one ends the file. The disk ends in the middle of the fourth span.
/// </summary>
internal sealed class SampleImage
{
    internal const int HeaderClusters = 2;
    internal const int Probe = 4096;

    /// <summary>The L2 entries of each table that lead to data, in file order.</summary>
    internal static readonly int[] DataEntries = [0, 1, 2, 7, 100, 200];

    private static readonly int[] ZeroEntries = [5, 6];
    private static readonly int[] EmptyEntries = [3, 4, 8];
    private static readonly int[] Spans = [0, 1, 3];

    /// <summary>What images are copies of: thousands of them are wanted, and laying one out costs more than a check.</summary>
    private static readonly ConcurrentDictionary<(int ClusterSize, int TableSize, bool HasBacking), SampleImage> LaidOut = new();

    private readonly Dictionary<int, long> _tables;
    private readonly HashSet<(int Span, int Entry)> _doubtful = [];
    private readonly HashSet<int> _doubtfulSpans = [];

    internal SampleImage(int clusterSize, int tableSize, bool hasBacking)
    {
        SampleImage same = LaidOut.GetOrAdd((clusterSize, tableSize, hasBacking), geometry => new SampleImage(geometry));
        (ClusterSize, TableSize, HasBacking) = (clusterSize, tableSize, hasBacking);
        Bytes = (byte[])same.Bytes.Clone();
        _tables = same._tables;
    }

    private SampleImage((int ClusterSize, int TableSize, bool HasBacking) geometry)
    {
        (ClusterSize, TableSize, HasBacking) = geometry;
        Bytes = new byte[Clusters(HeaderClusters + TableSize)];
        _tables = [];
        WriteHeader();
        foreach (int span in Spans)
            AddSpan(span);
    }

    internal int ClusterSize { get; }

    internal int TableSize { get; }

    internal bool HasBacking { get; }

    internal byte[] Bytes { get; set; }

    internal int EntriesPerTable => ClusterSize * TableSize / 8;

    internal long Span => (long)EntriesPerTable * ClusterSize;

    internal long DiskSize => (3 * Span) + (Span / 2);

    /// <summary>First cluster of each L2 table, by L1 index.</summary>
    internal IReadOnlyDictionary<int, long> Tables => _tables;

    internal long FileClusters => Bytes.Length / ClusterSize;

    internal static IEnumerable<(int ClusterSize, int TableSize)> Geometries => [(4096, 1), (4096, 2), (65536, 4), (1 << 20, 2)];

    internal long Clusters(long count) => count * ClusterSize;

    internal ulong L1(int index) => Bytes.UInt64At(L1At(index));

    internal void SetL1(int index, ulong entry) => Bytes = ((byte[])Bytes.Clone()).With((int)L1At(index), entry);

    internal ulong L2(int span, int entry) => Bytes.UInt64At(L2At(span, entry));

    /// <summary>Sets an entry of an L2 table, unless the file has been cut before it.</summary>
    internal void SetL2(int span, int entry, ulong value)
    {
        if (L2At(span, entry) <= Bytes.Length - 8)
            Bytes = ((byte[])Bytes.Clone()).With((int)L2At(span, entry), value);
    }

    /// <summary>Changes the file's length; what is added is random.</summary>
    internal long Resize(long change)
    {
        long end = Bytes.Length;
        byte[] bytes = new byte[end + change];
        Bytes.AsSpan(0, (int)Math.Min(end, bytes.Length)).CopyTo(bytes);
        if (change > 0)
            Patterns.Random((int)change, (int)end).CopyTo(bytes, end);
        Bytes = bytes;
        return end;
    }

    /// <summary>What the guest sees at every place that could tell a difference and is not in doubt, read through the engine.</summary>
    internal SortedDictionary<(int Span, int Entry), byte[]> ReadGuest(byte[] file)
    {
        using QedImage image = QedImage.Open(new MemoryStorage(file, canWrite: false));
        if (HasBacking)
            image.AttachBacking(new SparseDisk(DiskSize, Enumerable.Range(0, 4).Select(span => (span * Span, 16 * ClusterSize, (byte)(0xb0 + span))).ToArray()));
        var seen = new SortedDictionary<(int, int), byte[]>();
        for (int span = 0; span < 4; span++)
        {
            foreach (int entry in DataEntries.Concat(ZeroEntries).Concat(EmptyEntries))
            {
                if (_doubtfulSpans.Contains(span) || _doubtful.Contains((span, entry)))
                    continue;
                byte[] bytes = new byte[2 * Probe];
                long start = (span * Span) + Clusters(entry);
                image.Read(new GuestOffset(start), bytes.AsSpan(0, Probe));
                image.Read(new GuestOffset(start + ClusterSize - Probe), bytes.AsSpan(Probe));
                seen.Add((span, entry), bytes);
            }
        }

        return seen;
    }

    /// <summary>Notes that a fault has made it impossible to say what the guest should see at an entry.</summary>
    internal void Doubt(int span, int entry) => _doubtful.Add((span, entry));

    internal void DoubtSpan(int span) => _doubtfulSpans.Add(span);

    private long L1At(int index) => Clusters(HeaderClusters) + (index * 8L);

    private long L2At(int span, int entry) => Clusters(_tables[span]) + (entry * 8L);

    private void WriteHeader()
    {
        byte[] name = Encoding.UTF8.GetBytes("base.raw");
        var header = new QedHeader
        {
            Geometry = QedGeometry.TryCreate(ClusterSize, TableSize)!,
            HeaderClusters = HeaderClusters,
            Features = HasBacking ? QedFeatures.BackingFile | QedFeatures.BackingFormatNoProbe : QedFeatures.None,
            L1TableOffset = new HostOffset(Clusters(HeaderClusters)),
            ImageSize = DiskSize,
            BackingNameOffset = HasBacking ? QedHeader.Size : 0u,
            BackingNameSize = HasBacking ? (uint)name.Length : 0u,
        };
        header.Write(Bytes);
        if (HasBacking)
            Bytes.With(QedHeader.Size, name.AsSpan());
    }

    /// <summary>The last span's data comes first, so that its table ends the file.</summary>
    private void AddSpan(int span)
    {
        if (span != Spans[^1])
            AddTable(span);
        long[] data = DataEntries.Select(_ => AddData()).ToArray();
        if (span == Spans[^1])
            AddTable(span);
        for (int i = 0; i < data.Length; i++)
            Bytes.With((int)L2At(span, DataEntries[i]), (ulong)data[i]);
        foreach (int entry in ZeroEntries)
            Bytes.With((int)L2At(span, entry), 1UL);
    }

    private void AddTable(int span)
    {
        _tables[span] = FileClusters;
        Bytes.With((int)L1At(span), (ulong)Bytes.Length);
        Bytes = [.. Bytes, .. new byte[Clusters(TableSize)]];
    }

    private long AddData()
    {
        long offset = Bytes.Length;
        byte[] cluster = new byte[ClusterSize];
        Patterns.Random(Probe, (int)(offset / ClusterSize)).CopyTo(cluster, 0);
        Patterns.Random(Probe, (int)(offset / ClusterSize) + 10_000).CopyTo(cluster, ClusterSize - Probe);
        Bytes = [.. Bytes, .. cluster];
        return offset;
    }
}
