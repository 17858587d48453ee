using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Qed.Engine;
using Qed.Layout;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>A sound image but for leaks, whose tables (T), data (d), data of zeroes (z) and gaps (-) lie in a given or a random order.</summary>
internal sealed class ScatteredImage
{
    private readonly int _clusterSize;
    private readonly int _tableSize;
    private readonly Dictionary<(int Span, int Entry), int> _data = [];

    internal ScatteredImage(int clusterSize, int tableSize, Random random, int dataClusters, int gapClusters, int tables, int zeroClusters = 0, bool hasBacking = false)
        : this(clusterSize, tableSize, Shuffled(random, dataClusters, gapClusters, tables, zeroClusters), random, hasBacking: hasBacking)
    {
    }

    internal ScatteredImage(int clusterSize, int tableSize, List<char> order, Random random, int clustersBeforeL1 = 0, bool hasBacking = false)
    {
        _clusterSize = clusterSize;
        _tableSize = tableSize;
        Gaps = order.Count(each => each == '-') + clustersBeforeL1;
        int l1 = 1 + clustersBeforeL1;
        var tables = new List<int>();
        var data = new List<int>();
        var zeroes = new List<int>();
        int next = l1 + tableSize;
        foreach (char each in order)
        {
            if (each == 'T')
                tables.Add(next);
            else if (each is 'd' or 'z')
                data.Add(next);
            if (each == 'z')
                zeroes.Add(next);
            next += each == 'T' ? tableSize : 1;
        }

        Bytes = Patterns.Random(next * clusterSize, order.Count);
        foreach (int table in tables.Append(l1))
            Bytes.AsSpan(table * clusterSize, tableSize * clusterSize).Clear();
        foreach (int cluster in zeroes)
            Bytes.AsSpan(cluster * clusterSize, clusterSize).Clear();
        WriteHeader(l1, tables.Count, hasBacking);
        Zeroes = zeroes.Count;
        Data = data.Count - zeroes.Count;
        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tables));
        for (int i = 0; i < tables.Count; i++)
            Bytes.With((l1 * clusterSize) + (i * 8), (ulong)tables[i] * (ulong)clusterSize);
        foreach (int cluster in data)
            Map(cluster, tables, random);
    }

    internal byte[] Bytes { get; }

    /// <summary>Clusters that nothing references.</summary>
    internal int Gaps { get; }

    /// <summary>Clusters of data that hold something.</summary>
    internal int Data { get; }

    /// <summary>Clusters of data that hold only zeroes.</summary>
    internal int Zeroes { get; }

    private int Entries => _clusterSize * _tableSize / 8;

    /// <summary>Every cluster of the guest holds what it held.</summary>
    internal void AssertSameGuest(byte[] file)
    {
        using QedImage image = QedImage.Open(new MemoryStorage(file, canWrite: false));
        if (image.Header.HasBackingFile)
            image.AttachBacking(new MemoryDisk(Patterns.Filled(1 << 20, 0xbb)));
        byte[] bytes = new byte[_clusterSize];
        foreach (((int span, int entry), int cluster) in _data)
        {
            image.Read(new GuestOffset((((long)span * Entries) + entry) * _clusterSize), bytes);
            Assert.True(bytes.AsSpan().SequenceEqual(Bytes.AsSpan(cluster * _clusterSize, _clusterSize)), $"entry {entry} of table {span} has other data");
        }
    }

    private void Map(int cluster, List<int> tables, Random random)
    {
        (int Span, int Entry) place;
        do
            place = (random.Next(tables.Count), random.Next(Entries));
        while (!_data.TryAdd(place, cluster));
        Bytes.With((tables[place.Span] * _clusterSize) + (place.Entry * 8), (ulong)cluster * (ulong)_clusterSize);
    }

    private void WriteHeader(int l1, int tables, bool hasBacking)
    {
        byte[] name = hasBacking ? Encoding.UTF8.GetBytes("base.raw") : [];
        var header = new QedHeader
        {
            Geometry = QedGeometry.TryCreate(_clusterSize, _tableSize)!,
            L1TableOffset = new HostOffset((long)l1 * _clusterSize),
            ImageSize = (long)tables * Entries * _clusterSize,
            Features = hasBacking ? QedFeatures.BackingFile | QedFeatures.BackingFormatNoProbe : QedFeatures.None,
            BackingNameOffset = hasBacking ? (uint)QedHeader.BackingNameDefaultOffset : 0,
            BackingNameSize = (uint)name.Length,
        };
        Bytes.AsSpan(0, _clusterSize).Clear();
        header.Write(Bytes);
        name.CopyTo(Bytes, QedHeader.BackingNameDefaultOffset);
    }

    private static List<char> Shuffled(Random random, int dataClusters, int gapClusters, int tables, int zeroClusters)
    {
        char[] order = [.. new string('d', dataClusters), .. new string('z', zeroClusters), .. new string('-', gapClusters), .. new string('T', tables)];
        random.Shuffle(order);
        return [.. order];
    }
}
