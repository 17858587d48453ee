using System;
using System.Buffers;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Reads compressed clusters. Whole ones go straight to where they are wanted; of those that are read by parts the last
/// few stay decompressed, so that each is worked on once.
/// </summary>
internal sealed class CompressedReader(BlockStorage storage, Qcow2Header header)
{
    private const int MostSlots = 32;
    private const int CacheBytes = 16 << 20;

    private readonly int _clusterSize = header.Geometry.ClusterSize;
    private readonly Slot[] _slots = CreateSlots(Math.Max(4, Math.Min(MostSlots, CacheBytes >> header.Geometry.ClusterBits)));
    private readonly object _lock = new();
    private long _clock;

    /// <summary>Reads a part of a cluster, or all of it. Several threads may.</summary>
    /// <param name="descriptor">Its L2 entry.</param>
    /// <param name="inCluster">Where the part starts.</param>
    /// <param name="target">Filled whole.</param>
    /// <exception cref="DiskImageException">ImageCorrupt where the data does not decompress to a cluster.</exception>
    internal void Read(ulong descriptor, int inCluster, Span<byte> target)
    {
        CompressedCluster cluster = CompressedCluster.Decode(descriptor, header.Geometry.ClusterBits);
        if (target.Length == _clusterSize)
        {
            Decompress(cluster, target);
            return;
        }

        Slot? slot = Claim(cluster);
        if (slot is null)
        {
            ReadUncached(cluster, inCluster, target);
            return;
        }

        try
        {
            // Whoever needs the same cluster meanwhile waits, which is quicker than decompressing it again.
            lock (slot)
            {
                if (!slot.IsLoaded)
                {
                    slot.Data ??= new byte[_clusterSize];
                    Decompress(cluster, slot.Data);
                    slot.IsLoaded = true;
                }

                slot.Data.AsSpan(inCluster, target.Length).CopyTo(target);
            }
        }
        finally
        {
            lock (_lock)
                slot.Users--;
        }
    }

    private static Slot[] CreateSlots(int count)
    {
        var slots = new Slot[count];
        for (int i = 0; i < count; i++)
            slots[i] = new Slot();
        return slots;
    }

    /// <summary>The slot of a cluster, or the one least recently used that nobody holds; null where all are held.</summary>
    private Slot? Claim(CompressedCluster cluster)
    {
        lock (_lock)
        {
            Slot? oldest = null;
            foreach (Slot slot in _slots)
            {
                if (slot.Cluster == cluster)
                {
                    oldest = slot;
                    break;
                }

                if (slot.Users == 0 && (oldest is null || slot.LastUse < oldest.LastUse))
                    oldest = slot;
            }

            if (oldest is null)
                return null;
            if (oldest.Cluster != cluster)
            {
                oldest.Cluster = cluster;
                oldest.IsLoaded = false;
            }

            oldest.Users++;
            oldest.LastUse = ++_clock;
            return oldest;
        }
    }

    private void ReadUncached(CompressedCluster cluster, int inCluster, Span<byte> target)
    {
        byte[] whole = ArrayPool<byte>.Shared.Rent(_clusterSize);
        try
        {
            Decompress(cluster, whole.AsSpan(0, _clusterSize));
            whole.AsSpan(inCluster, target.Length).CopyTo(target);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private void Decompress(CompressedCluster cluster, Span<byte> target)
    {
        byte[] source = ArrayPool<byte>.Shared.Rent(cluster.Length);
        try
        {
            // The last cluster of a file may end before its sector does.
            int read = storage.Read(cluster.Offset, source.AsSpan(0, cluster.Length));
            ReadOnlySpan<byte> data = source.AsSpan(0, read);
            bool isSound = header.Compression == CompressionType.Zstd ? Zstd.TryDecompress(data, target) : Deflate.TryDecompressRaw(data, target);
            if (!isSound)
            {
                throw new DiskImageException(ErrorKind.ImageCorrupt, "the data of a compressed cluster is damaged", storage.Path)
                {
                    Structure = "compressed cluster",
                    Offset = cluster.Offset,
                };
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(source);
        }
    }

    private sealed class Slot
    {
        internal CompressedCluster Cluster { get; set; }

        internal byte[]? Data { get; set; }

        internal bool IsLoaded { get; set; }

        internal int Users { get; set; }

        internal long LastUse { get; set; }
    }
}
