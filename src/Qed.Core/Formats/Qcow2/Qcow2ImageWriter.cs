using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Fills a fresh image: header, data in guest order, then L2 tables, L1 table, refcount table and blocks. The tables stay
/// in memory (8 bytes a cluster with data) and the header is written last, so nothing takes a half-written file for an image.
/// </summary>
internal sealed class Qcow2ImageWriter : MappedImageWriter
{
    private const int SmallestGrain = 4096;
    private const int LargestGrain = 1 << 16;

    private readonly Qcow2Geometry _geometry;
    private readonly long _size;
    private readonly HeaderCluster _header;
    private readonly bool _hasBacking;
    private readonly bool _compress;
    private readonly FreshClusters _clusters;
    private readonly EntryPages _entries;
    private readonly Preallocation? _preallocation;
    private readonly object _lock = new();

    internal Qcow2ImageWriter(BlockStorage target, Qcow2Geometry geometry, TargetOptions options, HeaderCluster header)
        : base(target)
    {
        _geometry = geometry;
        _size = options.Size;
        _header = header;
        _hasBacking = options.Backing is not null;
        _compress = options.Compress;
        _clusters = new FreshClusters(geometry);
        _entries = new EntryPages(geometry.ClusterBits, L2Entry.OffsetMask);
        // Not where clusters are filled in part and the rest stays a hole.
        if (Grain == geometry.ClusterSize && !_compress)
            _preallocation = new Preallocation(target, geometry.ClusterSize);
    }

    /// <summary>
    /// Under a backing file, and where it is compressed, a cluster is the least that can be written; smaller ones go by several.
    /// </summary>
    public override int Grain => Math.Max(SmallestGrain, _hasBacking || _compress ? _geometry.ClusterSize : Math.Min(_geometry.ClusterSize, LargestGrain));

    public override void Reserve(GuestOffset offset, long length)
    {
        lock (_lock)
        {
            (long first, long last) = _entries.Clusters(offset, length);
            for (long cluster = first; cluster <= last; cluster++)
            {
                ref ulong entry = ref _entries[cluster];
                if ((entry & L2Entry.OffsetMask) == 0)
                    entry = (ulong)_clusters.Take(1) | L2Entry.Copied;
            }

            _preallocation?.Reach(_clusters.Count << _geometry.ClusterBits);
        }
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        if (!_hasBacking || length == 0)
            return;
        lock (_lock)
            _entries.MarkUnset(offset, length, L2Entry.Zero);
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
            Target.Write(clusters[first].HostOffset, compressed.Buffer.Slice(clusters[first].Start, length));
        }
    }

    public override void Complete()
    {
        Qcow2Header header = new TableWriter(Target, _geometry, _clusters, _entries).Write(_size);
        Target.Write(0, _header.Encode(header));
        Target.Flush();
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
            throw new DiskImageException(ErrorKind.InvalidSize, "the compressed data reaches beyond what an entry can point to", Target.Path) { Remedy = new(RemedyKind.ReduceClusters) };
    }

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        lock (_lock)
            return _entries.FindRun(offset, wanted);
    }
}
