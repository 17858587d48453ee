using System;
using System.Buffers;
using Qed.Bits;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// The write path of an open image. Clusters that have data are written in place, with no lock held. Others are
/// allocated: NEED_CHECK first, then the data with what surrounds it in its clusters, then the mapping in memory; the
/// tables follow at the next commit.
/// </summary>
internal sealed class QedWriter
{
    private const int CopyBuffer = 1 << 20;

    private readonly QedImage _image;
    private readonly BlockStorage _storage;
    private readonly HeaderKeeper _header;
    private readonly ClusterClaims _claims = new();

    internal QedWriter(QedImage image, BlockStorage storage, HeaderKeeper header)
    {
        _image = image;
        _storage = storage;
        _header = header;
    }

    private QedGeometry Geometry => _image.Geometry;

    internal void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        _header.BeforeChange();
        while (!buffer.IsEmpty)
        {
            MappedRun run = _image.Map.Find(offset, buffer.Length);
            int count = (int)run.Length;
            if (run.Kind == ExtentKind.Data)
                _storage.Write(run.HostOffset.Value, buffer.Slice(0, count));
            else
                count = (int)FillNewClusters(offset, count, buffer.Slice(0, count));
            buffer = buffer.Slice(count);
            offset += count;
        }
    }

    /// <summary>Makes a range read as zeroes.</summary>
    /// <param name="offset">Guest offset of the range.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <param name="evenWithoutBacking">Mark clusters that are zeroes only as long as no backing file is added.</param>
    internal void WriteZeroes(GuestOffset offset, long length, bool evenWithoutBacking)
    {
        _header.BeforeChange();
        GuestOffset end = offset + length;
        while (offset < end)
        {
            MappedRun run = _image.Map.Find(offset, end - offset);
            offset += run.Kind switch
            {
                ExtentKind.Data => ZeroInPlace(run),
                ExtentKind.Unallocated when evenWithoutBacking || _image.BackingForWriting() is not null => ZeroOverBacking(offset, run.Length),
                _ => run.Length,
            };
        }
    }

    /// <summary>Makes sure that a cluster has data of its own, as read so far, with zeroes beyond the end of the disk.</summary>
    internal void Materialize(GuestOffset cluster)
    {
        if (_image.Map.Find(cluster, 1).Kind != ExtentKind.Data)
            FillNewClusters(cluster, 0, default);
    }

    internal void SetNeedCheck() => _header.SetNeedCheck();

    internal void Commit()
    {
        try
        {
            _image.Map.Commit();
        }
        catch
        {
            _header.KeepNeedCheck();
            throw;
        }
    }

    /// <summary>Makes everything durable and takes the NEED_CHECK mark back, if nothing has gone wrong.</summary>
    internal void Close()
    {
        Commit();
        if (!_image.Allocator.HasGaps)
            _header.ClearNeedCheck();
    }

    private long ZeroInPlace(MappedRun run)
    {
        // The cluster stays allocated: dropping it would leave a leak behind.
        _storage.WriteZeroes(run.HostOffset.Value, run.Length);
        return run.Length;
    }

    /// <summary>Hides backing data: whole clusters by a mark in the table, parts of one by copying the rest of it.</summary>
    private long ZeroOverBacking(GuestOffset offset, long length)
    {
        long toClusterEnd = Geometry.ClusterSize - (offset - AlignDown(offset));
        bool reachesEndOfDisk = offset.Value + length == _image.Length;
        long whole = reachesEndOfDisk
            ? Geometry.ClustersToHold(new ByteCount(length))
            : Geometry.WholeClustersIn(new ByteCount(length));
        if (toClusterEnd < Geometry.ClusterSize || whole == 0)
            return FillNewClusters(offset, Math.Min(length, toClusterEnd), default);

        GuestOffset end = offset + (whole * Geometry.ClusterSize);
        using (_claims.Take(offset, end))
        {
            MappedRun run = _image.Map.Find(offset, end - offset);
            if (run.Kind != ExtentKind.Unallocated || run.Length < end - offset)
                return 0;
            _image.Map.Set(offset, whole, TableEntry.Zero);
        }

        CommitIfMuchWaits();
        return Math.Min(length, end - offset);
    }

    /// <summary>Allocates clusters for a range that lies in a run without any, and fills them.</summary>
    /// <param name="offset">Guest offset of the range.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <param name="data">What to write there; empty for zeroes.</param>
    /// <returns>Bytes served: all, or none where another request was faster and the mapping must be looked up again.</returns>
    private long FillNewClusters(GuestOffset offset, long length, ReadOnlySpan<byte> data)
    {
        GuestOffset start = AlignDown(offset);
        long clusters = Geometry.ClustersToHold(new ByteCount(Math.Max(1, offset - start + length)));
        GuestOffset end = start + (clusters * Geometry.ClusterSize);
        using (_claims.Take(start, end))
        {
            MappedRun run = _image.Map.Find(start, end - start);
            if (run.Kind == ExtentKind.Data || run.Length < end - start)
                return 0;
            if (!_image.Header.HasBackingFile)
                _header.SetNeedCheck();
            HostOffset host = _image.Allocator.Allocate(clusters);
            try
            {
                _storage.Write(host.Value + (offset - start), data);
                if (run.Kind == ExtentKind.Unallocated)
                {
                    CopyBeneath(start, offset, host);
                    CopyBeneath(offset + length, end, host + (offset + length - start));
                }
            }
            catch
            {
                // Nothing references the clusters yet.
                _image.Allocator.Return(host, clusters);
                throw;
            }

            Map(start, clusters, host);
        }

        CommitIfMuchWaits();
        return length;
    }

    private void Map(GuestOffset start, long clusters, HostOffset host)
    {
        try
        {
            _image.Map.Set(start, clusters, (ulong)host.Value);
        }
        catch
        {
            _header.KeepNeedCheck();
            throw;
        }
    }

    /// <summary>Copy-on-write: copies what the backing file shows in a range into a fresh cluster, whose zeroes need no writing.</summary>
    private void CopyBeneath(GuestOffset from, GuestOffset to, HostOffset host)
    {
        (DiskImage? backing, long left) = _image.Beneath(from, Math.Min(to.Value, _image.Length) - from.Value);
        if (left == 0)
            return;
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(CopyBuffer, left));
        try
        {
            while (left > 0)
            {
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, left));
                backing!.Read(from, part);
                if (!ZeroScan.IsZero(part))
                    _storage.Write(host.Value, part);
                from += part.Length;
                host += part.Length;
                left -= part.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes the tables' changes once they take much memory.</summary>
    internal void CommitIfMuchWaits()
    {
        if (_image.Map.WantsCommit)
            Commit();
    }

    private GuestOffset AlignDown(GuestOffset offset) => new(offset.Value & -Geometry.ClusterSize);
}
