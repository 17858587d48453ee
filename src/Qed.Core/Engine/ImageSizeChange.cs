using System;
using System.Threading;
using Qed.Images;
using Qed.Layout;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Engine;

/// <summary>
/// Grows or shrinks the guest's disk. The header's new size is one sector write: before it the image has its old
/// contents, after it the new ones, whatever else has or has not happened by then.
/// </summary>
internal sealed class ImageSizeChange
{
    // Entries that are marked at once: at most as many as a page of a table holds.
    private const int MarksAtOnce = TablePage.Entries;

    private const int LargestPiece = 1 << 20;

    private readonly QedImage _image;
    private readonly QedWriter _writer;
    private readonly HeaderKeeper _header;
    private readonly CancellationToken _cancellation;

    internal ImageSizeChange(QedImage image, QedWriter writer, HeaderKeeper header, CancellationToken cancellation = default)
    {
        _image = image;
        _writer = writer;
        _header = header;
        _cancellation = cancellation;
    }

    private QedGeometry Geometry => _image.Geometry;

    /// <exception cref="DiskImageException">InvalidSize, or ImageCorrupt where entries beyond the old size would come to light.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: what is left to be done is done when the image is opened to be changed again.</exception>
    internal void Apply(long size)
    {
        RequireLegal(_image, size);
        _header.BeforeChange();
        try
        {
            if (size > _image.Length)
                Grow(size);
            else if (size < _image.Length)
                Shrink(size);
        }
        catch (OperationCanceledException)
        {
            _header.KeepNeedCheck();
            throw;
        }
    }

    /// <summary>
    /// Finishes a shrink that a crash has cut short: clears what still maps guest bytes beyond the end of the disk. The
    /// tables must have been checked.
    /// </summary>
    internal void DropBeyondEnd()
    {
        _header.BeforeChange();
        _header.SetNeedCheck();
        _image.Map.ExtendTo(Geometry.MaximumImageSize);
        DropFrom(new GuestOffset(RoundUp(_image.Length)), Geometry.MaximumImageSize);
        _writer.Commit();
        _image.Map.ForgetPages();
    }

    /// <exception cref="DiskImageException">InvalidSize.</exception>
    internal static void RequireLegal(QedImage image, long size)
    {
        QedGeometry geometry = image.Geometry;
        if (size > geometry.MaximumImageSize)
        {
            throw new DiskImageException(
                ErrorKind.InvalidSize,
                $"with clusters of {Text(geometry.ClusterSize)} bytes and tables of {Text(geometry.TableSize)} clusters the image cannot grow beyond {Text(geometry.MaximumImageSize)} bytes",
                image.Path)
            {
                Remedy = size <= QedGeometry.LargestImageSize ? new(RemedyKind.CopyWithLargerTables) : Remedy.TakeNearest("size", geometry.MaximumImageSize),
            };
        }

        RequestedSizes.RequireMultiple(size, QedGeometry.SectorSize, image.Path);
    }

    /// <summary>
    /// Clears every entry of the L1 table. The image must rest on one that shows the same as it does itself: then no order in
    /// which they reach the disk makes a difference.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled: what is left to be done is done when it is done again.</exception>
    internal void DropAll()
    {
        _header.BeforeChange();
        _writer.Commit();
        DropAndCommit(() => DropFrom(default, _image.Length));
    }

    private void Grow(long size)
    {
        long oldSize = _image.Length;
        DiskImage? backing = _image.BackingForWriting();
        _image.Map.ExtendTo(size);
        var firstNew = new GuestOffset(RoundUp(oldSize));
        RequireNothingBeyond(firstNew, size);
        // Where it is cut short the mark tells the next one who opens the image that there may be leaks.
        if (backing is not null)
            _header.SetNeedCheck();
        ClearTailOfLastCluster(oldSize, backing);
        if (backing is not null && backing.Length > firstNew.Value && size > firstNew.Value)
        {
            long clusters = Geometry.ClustersToHold(new ByteCount(Math.Min(size, backing.Length) - firstNew.Value));
            MarkZero(firstNew, clusters);
        }

        _writer.Commit();
        _header.Update(header => header with { ImageSize = size });
    }

    /// <summary>
    /// Little by little: terabytes that must not show through take more marks than there is memory for. Where a whole span
    /// has no table yet it gets one at once.
    /// </summary>
    private void MarkZero(GuestOffset start, long clusters)
    {
        byte[] tableOfMarks = Marks((int)Math.Min(Geometry.TableBytes, LargestPiece));
        for (GuestOffset end = start + (clusters << Geometry.ClusterBits); start < end;)
        {
            _cancellation.ThrowIfCancellationRequested();
            bool isWholeSpan = (start.Value & (Geometry.L2Span - 1)) == 0 && end - start >= Geometry.L2Span;
            if (isWholeSpan && _image.Map.TryAddTable(Geometry.L1Index(start), tableOfMarks))
            {
                start += Geometry.L2Span;
                continue;
            }

            int toPageEnd = MarksAtOnce - (Geometry.L2Index(start) & (MarksAtOnce - 1));
            long count = Math.Min(toPageEnd, (end - start) >> Geometry.ClusterBits);
            _image.Map.Set(start, count, TableEntry.Zero);
            _writer.CommitIfMuchWaits();
            start += count << Geometry.ClusterBits;
        }
    }

    private static byte[] Marks(int bytes)
    {
        var marks = new ulong[bytes / TableEntry.Size];
        for (int i = 0; i < marks.Length; i++)
            marks[i] = TableEntry.Zero;
        TableCodec.Convert(marks);
        return TableCodec.Bytes(marks.AsSpan()).ToArray();
    }

    /// <summary>Zero marks may be left from a growth that a crash cut short; anything else is not ours to show to the guest.</summary>
    private void RequireNothingBeyond(GuestOffset from, long size)
    {
        while (from.Value < size)
        {
            _cancellation.ThrowIfCancellationRequested();
            MappedRun run = _image.Map.Find(from, size - from.Value);
            if (run.Kind == ExtentKind.Data)
            {
                throw new DiskImageException(ErrorKind.ImageCorrupt, "the tables map data beyond the end of the disk, which growing it would bring to light", _image.Path)
                {
                    Structure = $"L2 entry {Geometry.L2Index(from)} of L1 entry {Geometry.L1Index(from)}",
                    Value = run.Entry,
                    Remedy = new(RemedyKind.ListDamage),
                };
            }

            from += run.Length;
        }
    }

    /// <summary>What lies behind the old end in its last cluster has never been visible, and must be zeroes when it is.</summary>
    private void ClearTailOfLastCluster(long oldSize, DiskImage? backing)
    {
        long used = oldSize & (Geometry.ClusterSize - 1);
        if (used == 0)
            return;
        var cluster = new GuestOffset(oldSize - used);
        MappedRun run = _image.Map.Find(cluster, Geometry.ClusterSize);
        if (run.Kind == ExtentKind.Unallocated && backing is not null && backing.Length > oldSize)
            _writer.Materialize(cluster);
        else if (run.Kind == ExtentKind.Data)
            _image.Storage.WriteZeroes(run.HostOffset.Value + used, Geometry.ClusterSize - used);
    }

    private void Shrink(long size)
    {
        _writer.Commit();
        long oldSize = _image.Length;

        // From here until the entries are dropped a crash leaves some beyond the end: the guest cannot reach them, and
        // the mark makes the next opening for writing drop them.
        DropAndCommit(() =>
        {
            _header.Update(header => header with { ImageSize = size });
            DropFrom(new GuestOffset(RoundUp(size)), oldSize);
            ClearTailOfLastCluster(size, backing: null);
        });
    }

    /// <summary>Drops clusters under the NEED_CHECK mark, which stays where that is cut short: what was dropped is leaked.</summary>
    private void DropAndCommit(Action drop)
    {
        _header.SetNeedCheck();
        try
        {
            drop();
            _writer.Commit();
            _image.Map.ForgetPages();
        }
        catch
        {
            _header.KeepNeedCheck();
            throw;
        }
    }

    private void DropFrom(GuestOffset from, long end)
    {
        // Tables go without anybody's looking which clusters they free.
        _image.Space.Forget(willDrop: true);
        long restOfTable = Math.Max(0, Math.Min(-from.Value & (Geometry.L2Span - 1), end - from.Value));
        GuestOffset restEnd = from + restOfTable;
        for (GuestOffset offset = from; offset < restEnd;)
        {
            _cancellation.ThrowIfCancellationRequested();
            MappedRun run = _image.Map.Find(offset, restEnd - offset);
            if (run.Kind != ExtentKind.Unallocated)
                _image.Map.Set(offset, Geometry.ClustersToHold(new ByteCount(run.Length)), TableEntry.Unallocated);
            offset += run.Length;
            _writer.CommitIfMuchWaits();
        }

        for (int l1Index = Geometry.L1EntriesFor(from.Value); l1Index < Geometry.L1EntriesFor(end); l1Index++)
            _image.Map.DropTable(l1Index);
    }

    private long RoundUp(long size) => Geometry.ClustersToHold(new ByteCount(size)) << Geometry.ClusterBits;
}
