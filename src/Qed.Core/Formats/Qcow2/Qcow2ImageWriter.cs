using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Fills a fresh image: header, data in guest order, then L2 tables, L1 table, refcount table and blocks. The tables stay
/// in memory (8 bytes a cluster with data) and the header is written last, so nothing takes a half-written file for an image.
/// </summary>
internal sealed class Qcow2ImageWriter : ImageWriter
{
    private const int SmallestGrain = 4096;
    private const int LargestGrain = 1 << 16;
    private const long PreallocationStep = 64 << 20;

    private readonly BlockStorage _target;
    private readonly Qcow2Geometry _geometry;
    private readonly long _size;
    private readonly HeaderCluster _header;
    private readonly bool _hasBacking;
    private readonly bool _compress;
    private readonly FreshClusters _clusters;
    private readonly EntryPages _entries = new();
    private readonly object _lock = new();
    private long _preallocated;

    internal Qcow2ImageWriter(BlockStorage target, Qcow2Geometry geometry, TargetOptions options, HeaderCluster header)
    {
        _target = target;
        _geometry = geometry;
        _size = options.Size;
        _header = header;
        _hasBacking = options.Backing is not null;
        _compress = options.Compress;
        _clusters = new FreshClusters(geometry);
        _preallocated = geometry.ClusterSize;
    }

    /// <summary>
    /// Under a backing file, and where it is compressed, a cluster is the least that can be written; smaller ones go by several.
    /// </summary>
    public override int Grain => Math.Max(SmallestGrain, _hasBacking || _compress ? _geometry.ClusterSize : Math.Min(_geometry.ClusterSize, LargestGrain));

    public override void Reserve(GuestOffset offset, long length)
    {
        lock (_lock)
        {
            (long first, long last) = Clusters(offset, length);
            for (long cluster = first; cluster <= last; cluster++)
            {
                ref ulong entry = ref _entries[cluster];
                if ((entry & L2Entry.OffsetMask) == 0)
                    entry = (ulong)_clusters.Take(1) | L2Entry.Copied;
            }

            Preallocate();
        }
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        if (!_hasBacking || length == 0)
            return;
        lock (_lock)
        {
            (long first, long last) = Clusters(offset, length);
            for (long cluster = first; cluster <= last; cluster++)
            {
                ref ulong entry = ref _entries[cluster];
                if (entry == 0)
                    entry = L2Entry.Zero;
            }
        }
    }

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            (long host, int count) = FindRun(offset, buffer.Length);
            _target.Write(host, buffer.Slice(0, count));
            buffer = buffer.Slice(count);
            offset += count;
        }
    }

    internal override EncodedPiece? Encode(GuestOffset offset, ReadOnlySpan<byte> buffer)
        => _compress ? CompressedPiece.Encode(offset, buffer, _geometry.ClusterSize) : null;

    internal override void Reserve(EncodedPiece piece)
    {
        lock (_lock)
        {
            // First what is packed, then what takes whole clusters: so the packed data stays in one piece.
            Place((CompressedPiece)piece, compressed: true);
            Place((CompressedPiece)piece, compressed: false);
        }
    }

    internal override void Write(EncodedPiece piece)
    {
        var compressed = (CompressedPiece)piece;
        List<CompressedPiece.Cluster> clusters = compressed.Clusters;
        for (int i = 0; i < clusters.Count;)
        {
            int first = i;
            int length = 0;
            // What lies one behind the other in the buffer and in the file is written as one.
            while (i < clusters.Count && clusters[i].Start == clusters[first].Start + length && clusters[i].HostOffset == clusters[first].HostOffset + length)
                length += clusters[i++].Length;
            _target.Write(clusters[first].HostOffset, compressed.Buffer.Slice(clusters[first].Start, length));
        }
    }

    public override void Complete()
    {
        Qcow2Header header = new TableWriter(_target, _geometry, _clusters, _entries).Write(_size);
        _target.Write(0, _header.Encode(header));
        _target.Flush();
    }

    private void Place(CompressedPiece piece, bool compressed)
    {
        long guestCluster = piece.Offset.Value >> _geometry.ClusterBits;
        for (int i = 0; i < piece.Clusters.Count; i++)
        {
            CompressedPiece.Cluster cluster = piece.Clusters[i];
            if (cluster.IsCompressed != compressed)
                continue;
            long offset = compressed ? _clusters.Pack(cluster.Length) : _clusters.Take(1);
            RequireReachable(offset);
            _entries[guestCluster + i] = compressed
                ? CompressedCluster.Encode(offset, cluster.Length, _geometry.ClusterBits)
                : (ulong)offset | L2Entry.Copied;
            piece.Clusters[i] = cluster with { HostOffset = offset };
        }
    }

    private void RequireReachable(long offset)
    {
        if (offset >> Math.Min(56, CompressedCluster.OffsetBits(_geometry.ClusterBits)) != 0)
            throw new DiskImageException(ErrorKind.InvalidSize, "the compressed data reaches beyond what an entry can point to", _target.Path) { Hint = "Choose a smaller -ClusterSizeBytes." };
    }

    /// <summary>Keeps the file in few pieces on the host; not where clusters are filled in part and the rest stays a hole.</summary>
    private void Preallocate()
    {
        long needed = _clusters.Count << _geometry.ClusterBits;
        if (needed <= _preallocated || Grain < _geometry.ClusterSize || _compress)
            return;
        long start = _preallocated;
        _preallocated = Math.Max(needed, start + PreallocationStep);
        _target.Preallocate(start, _preallocated - start);
    }

    private (long First, long Last) Clusters(GuestOffset offset, long length)
        => (offset.Value >> _geometry.ClusterBits, (offset.Value + length - 1) >> _geometry.ClusterBits);

    private (long Host, int Count) FindRun(GuestOffset offset, int wanted)
    {
        lock (_lock)
        {
            long cluster = offset.Value >> _geometry.ClusterBits;
            int inCluster = _geometry.InCluster(offset.Value);
            ulong first = _entries[cluster];
            if ((first & L2Entry.OffsetMask) == 0)
                throw new InvalidOperationException("The range was not reserved.");
            int count = _geometry.ClusterSize - inCluster;
            ulong next = first + (ulong)_geometry.ClusterSize;
            while (count < wanted && _entries[++cluster] == next)
            {
                count += _geometry.ClusterSize;
                next += (ulong)_geometry.ClusterSize;
            }

            return ((long)(first & L2Entry.OffsetMask) + inCluster, Math.Min(count, wanted));
        }
    }
}
