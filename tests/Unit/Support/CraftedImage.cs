using System;
using System.Buffers.Binary;
using System.IO;
using Microsoft.Win32.SafeHandles;
using Qed.Layout;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>
/// An image laid out by hand, cluster by cluster, right or wrong. Header first, the L1 table behind it; the rest of the
/// sparse file is the test's to fill.
/// </summary>
internal sealed class CraftedImage : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly int _clusterSize;
    private readonly int _headerClusters;

    internal CraftedImage(string path, int clusterSize, int tableSize, long imageSize, int headerClusters = 1, QedFeatures features = QedFeatures.None)
    {
        Path = path;
        _clusterSize = clusterSize;
        _headerClusters = headerClusters;
        FirstFree = headerClusters + tableSize;
        _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        SparseFile.Mark(_file);
        var header = new QedHeader
        {
            Geometry = QedGeometry.TryCreate(clusterSize, tableSize)!,
            HeaderClusters = (uint)headerClusters,
            Features = features,
            L1TableOffset = new HostOffset((long)headerClusters * clusterSize),
            ImageSize = imageSize,
        };
        byte[] bytes = new byte[QedHeader.Size];
        header.Write(bytes);
        RandomAccess.Write(_file, bytes, 0);
        SetClusters(FirstFree);
    }

    internal string Path { get; }

    /// <summary>The first cluster behind the L1 table.</summary>
    internal int FirstFree { get; }

    /// <summary>Where a cluster of the file lies.</summary>
    internal ulong At(long cluster) => (ulong)(cluster * _clusterSize);

    internal CraftedImage L1(int index, ulong entry) => Write(((long)_headerClusters * _clusterSize) + (index * 8L), entry);

    /// <summary>Sets an entry of the table that starts at a cluster.</summary>
    internal CraftedImage L2(long tableCluster, int index, ulong entry) => Write((tableCluster * _clusterSize) + (index * 8L), entry);

    /// <summary>Fills the first bytes of a cluster with a value.</summary>
    internal CraftedImage Fill(long cluster, byte value)
    {
        RandomAccess.Write(_file, Patterns.Filled(Math.Min(_clusterSize, 4096), value), cluster * _clusterSize);
        return this;
    }

    internal CraftedImage SetClusters(long clusters, int tail = 0)
    {
        RandomAccess.SetLength(_file, (clusters * _clusterSize) + tail);
        return this;
    }

    public void Dispose() => _file.Dispose();

    private CraftedImage Write(long offset, ulong entry)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry);
        RandomAccess.Write(_file, bytes, offset);
        return this;
    }
}
