using System;
using Qed.Layout;
using Qed.Space;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// The write path of an open image. Clusters that have data are written in place, with no lock held. Others are
/// allocated: NEED_CHECK first, then the data with what surrounds it in its clusters, then the mapping in memory; the
/// tables follow at the next commit.
/// </summary>
internal sealed partial class QedWriter : IDisposable
{
    // Read in a millisecond or two: sooner than a thread is started on a busy machine. They map 32 GiB in clusters of 64 KiB.
    private const int ShortScanBytes = 4 << 20;

    private readonly QedImage _image;
    private readonly BlockStorage _storage;
    private readonly HeaderKeeper _header;
    private readonly InFlight _inFlight;
    private readonly CommitGroup _commits = new();
    private readonly SpaceScan _scan;
    private readonly IdleMark _idle;
    private readonly bool _detectsZeroes;

    internal QedWriter(QedImage image, BlockStorage storage, HeaderKeeper header, InFlight inFlight, QedOpenOptions options)
    {
        _image = image;
        _storage = storage;
        _header = header;
        _inFlight = inFlight;
        _scan = new SpaceScan(storage, image.Geometry, image.Space, options.Background, options.ScanBytesPerSecond, BeginScan);
        _idle = new IdleMark(options.Background, Settle);
        _detectsZeroes = options.DetectZeroes;
        // Who allocates first would wait for all of it.
        if (Space.NeedsScan)
            StartScan(isFast: true);
    }

    private QedGeometry Geometry => _image.Geometry;

    private ClusterSpace Space => _image.Space;

    internal void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        while (_detectsZeroes && !buffer.IsEmpty)
        {
            int count = LengthOfLike(offset, buffer, out bool isZero);
            if (isZero)
                WriteZeroes(offset, count, evenWithoutBacking: false);
            else
                WriteData(offset, buffer.Slice(0, count));
            buffer = buffer.Slice(count);
            offset += count;
        }

        WriteData(offset, buffer);
    }

    private void WriteData(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        _header.BeforeChange();
        while (!buffer.IsEmpty)
        {
            int count = (int)Math.Min(buffer.Length, _inFlight.ToPartEnd(offset));
            count = WriteInPlace(offset, buffer.Slice(0, count), out bool isMapped);
            if (!isMapped)
                count = (int)Fill(offset, count, buffer.Slice(0, count));
            buffer = buffer.Slice(count);
            offset += count;
        }
    }

    /// <summary>Writes what lies beneath where the image says nothing, and nothing where it says something by then: see <see cref="QedImage.CopyUp"/>.</summary>
    internal void CopyUp(GuestOffset offset, ReadOnlySpan<byte> shown)
    {
        _header.BeforeChange();
        while (!shown.IsEmpty)
        {
            MappedRun run = _image.FindShared(offset, Math.Min(shown.Length, _inFlight.ToPartEnd(offset)));
            int count = (int)run.Length;
            if (run.Kind == ExtentKind.Unallocated)
                count = (int)Fill(offset, count, shown.Slice(0, count), onlyWhereNothingIsSaid: true);
            shown = shown.Slice(count);
            offset += count;
        }
    }

    /// <summary>
    /// Makes sure that a cluster has data of its own, as read so far, with zeroes beyond the end of the disk; the caller holds
    /// the disk alone.
    /// </summary>
    internal void Materialize(GuestOffset cluster)
    {
        if (_image.Map.Find(cluster, 1).Kind != ExtentKind.Data)
            FillHeld(cluster, 0, default);
    }

    /// <summary>Sets the NEED_CHECK mark for work that is to be heard of if it is cut short: it stays until closing.</summary>
    internal void MarkUnderWork()
    {
        _idle.Dispose();
        _header.SetNeedCheck();
    }

    /// <summary>Makes everything durable; calls that come together are served by one.</summary>
    internal void Commit()
    {
        try
        {
            if (!_commits.Run(() => _image.Map.Commit(mayMix: _image.Header.NeedsCheck && !_image.Header.HasBackingFile)))
                return;
        }
        catch
        {
            _header.KeepNeedCheck();
            throw;
        }

        Space.Release();
    }

    /// <summary>Lets nobody use the disk while it is changed as a whole.</summary>
    /// <param name="willAllocate">Whether clusters may be added.</param>
    /// <returns>To be disposed afterwards.</returns>
    internal InFlight.Hold HoldAll(bool willAllocate)
    {
        if (willAllocate)
            RequireSpace();
        _scan.Stop();
        return _inFlight.ExcludeAll();
    }

    /// <summary>Makes everything durable, gives back what is free, and takes the NEED_CHECK mark back, if nothing has gone wrong.</summary>
    internal void Close()
    {
        Dispose();
        Space.CutAhead();
        Commit();
        if (Space.HasUnreleased)
        {
            _scan.RunNow(() => Space.HasUnreleased);
            // A scan that fails is nobody's error, but a flush on its way is.
            Commit();
        }

        Space.CutTail();
        // Nobody else would hear of what was not given back.
        if (Space.IsDamaged || Space.HasUngiven)
            _header.KeepNeedCheck();
        TakeMarkBack();
    }

    /// <summary>Ends what goes on in the background.</summary>
    public void Dispose()
    {
        _idle.Dispose();
        _scan.Dispose();
    }

    /// <summary>Writes what lies in one run that is mapped.</summary>
    /// <returns>Bytes of the run, written where it is mapped.</returns>
    private int WriteInPlace(GuestOffset offset, ReadOnlySpan<byte> buffer, out bool isMapped)
    {
        using InFlight.Hold hold = _inFlight.Share(offset);
        MappedRun run = _image.Map.Find(offset, buffer.Length);
        isMapped = run.Kind == ExtentKind.Data;
        if (isMapped)
            _storage.Write(run.HostOffset.Value, buffer.Slice(0, (int)run.Length));
        return (int)run.Length;
    }

    /// <summary>Allocates clusters for a range within one part of the disk that lies in a run without any, and fills them.</summary>
    /// <returns>Bytes served: none where another request was faster and the mapping must be looked up again.</returns>
    private long Fill(GuestOffset offset, long length, ReadOnlySpan<byte> data, bool onlyWhereNothingIsSaid = false)
    {
        RequireSpace();
        long done;
        try
        {
            done = FillShared(offset, length, data, onlyWhereNothingIsSaid);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.NotEnoughSpace && MayFindRoom)
        {
            FindRoom();
            done = FillShared(offset, length, data, onlyWhereNothingIsSaid);
        }

        AfterChange();
        return done;
    }

    private long FillShared(GuestOffset offset, long length, ReadOnlySpan<byte> data, bool onlyWhereNothingIsSaid)
    {
        using InFlight.Hold hold = _inFlight.Share(offset);
        return FillHeld(offset, length, data, onlyWhereNothingIsSaid);
    }

    /// <summary>As <see cref="Fill"/>, where the caller holds the part of the disk.</summary>
    /// <param name="offset">Guest offset of the range.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <param name="data">What to write there; empty for zeroes.</param>
    /// <param name="onlyWhereNothingIsSaid">Whether zero clusters are left as they are, too.</param>
    private long FillHeld(GuestOffset offset, long length, ReadOnlySpan<byte> data, bool onlyWhereNothingIsSaid = false)
    {
        GuestOffset start = AlignDown(offset);
        long clusters = Geometry.ClustersToHold(new ByteCount(Math.Max(1, offset - start + length)));
        GuestOffset end = start + (clusters << Geometry.ClusterBits);
        using (_inFlight.Claim(start, end))
        {
            MappedRun run = _image.Map.Find(start, end - start);
            if (run.Kind == ExtentKind.Data || run.Length < end - start || (onlyWhereNothingIsSaid && run.Kind != ExtentKind.Unallocated))
                return 0;
            NoteChange();
            // First, so that where there is no room for it no data lies in clusters that nothing leads to.
            _image.Map.EnsureTable(start);
            Allocation place = Space.Allocate(clusters, 1, Near(start));
            end = start + (place.Count << Geometry.ClusterBits);
            length = Math.Min(length, end - offset);
            try
            {
                var fresh = new NewClusters(_image, _storage, place, start);
                fresh.Write(offset, length, data.Slice(0, (int)Math.Min(length, data.Length)));
                if (run.Kind == ExtentKind.Unallocated)
                {
                    fresh.CopyBeneath(start, offset);
                    fresh.CopyBeneath(offset + length, end);
                }
            }
            catch
            {
                Space.Return(place);
                throw;
            }

            Map(start, place.Count, (ulong)place.Start.Value, place.Freshness == Freshness.Stale);
        }

        return length;
    }

    private void Map(GuestOffset start, long clusters, ulong first, bool comesAfterData = false)
    {
        try
        {
            _image.Map.Set(start, clusters, first, comesAfterData);
        }
        catch
        {
            _header.KeepNeedCheck();
            throw;
        }
    }

    /// <summary>Writes the tables' changes once they take much memory, or keep much space.</summary>
    internal void CommitIfMuchWaits()
    {
        if (_image.Map.WantsCommit || Space.WantsCommit)
            Commit();
    }

    /// <summary>To be called after each allocation and each drop, while no part of the disk is held.</summary>
    private void AfterChange()
    {
        CommitIfMuchWaits();
        if (Space.WantsScan)
            StartScan(isFast: false);
    }

    private void StartScan(bool isFast) => _scan.Start(_image.Map.HasTablesWithin(ShortScanBytes), isFast);

    /// <summary>Whether there may be room although there was none: what was freed has some once that is durable, what was lost once it is found.</summary>
    private bool MayFindRoom => Space.HasDropped || Space.MayHaveUnknown;

    private void FindRoom()
    {
        _scan.RunNow(() => Space.MayHaveUnknown);
        Commit();
    }

    /// <summary>Where new clusters would lie best: behind those of the guest bytes before them, where something is free at all.</summary>
    private HostOffset? Near(GuestOffset start)
    {
        if (start.Value == 0 || Space.FreeCount is null or 0)
            return null;
        MappedRun before = _image.Map.Find(start + -Geometry.ClusterSize, 1);
        return before.Kind == ExtentKind.Data ? before.HostOffset + Geometry.ClusterSize : null;
    }

    /// <summary>Where the end of use is not known, as on a device, nothing can be allocated; no part of the disk may be held.</summary>
    private void RequireSpace()
    {
        while (Space.NeedsScan)
            _scan.RunNow(() => Space.NeedsScan);
    }

    /// <summary>Before something is allocated or dropped that a crash would turn into a leak.</summary>
    private void NoteChange()
    {
        _header.SetNeedCheck();
        _idle.NoteChange();
    }

    private long BeginScan()
    {
        long end;
        using (_inFlight.ExcludeAll())
            end = Space.BeginScan();
        Commit();
        return end;
    }

    /// <summary>Takes the NEED_CHECK mark back in the midst of use, where that is idle, or has a scan find what keeps it from that.</summary>
    private void Settle()
    {
        try
        {
            using (_inFlight.ExcludeAll())
            {
                Commit();
                if (!Space.HasUngiven)
                    TakeMarkBack();
                else if (Space.MayHaveUnknown)
                    _idle.NoteChange();
            }

            if (Space.HasUngiven && Space.HasUnreleased)
                StartScan(isFast: false);
        }
        catch (DiskImageException)
        {
            // The mark stays; the next flush tells what is wrong.
        }
    }

    /// <summary>Takes the NEED_CHECK mark back once what was given back to the host is so for good: a crash would leave it lost, and nobody would hear of it.</summary>
    private void TakeMarkBack()
    {
        if (_header.Header.NeedsCheck && Space.HasUnsettled)
            _storage.Flush();
        _header.ClearNeedCheck();
    }

    private GuestOffset AlignDown(GuestOffset offset) => new(offset.Value & -Geometry.ClusterSize);
}
