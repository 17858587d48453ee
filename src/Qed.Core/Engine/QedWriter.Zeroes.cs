using System;
using Qed.Bits;
using Qed.Layout;
using Qed.Units;

namespace Qed.Engine;

/// <summary>Zeroes: clusters are dropped, or marked, where they can be, and written where they are parts.</summary>
internal sealed partial class QedWriter
{
    /// <summary>Makes a range read as zeroes: whole clusters by an entry, parts of one by writing.</summary>
    /// <param name="offset">Guest offset of the range.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <param name="evenWithoutBacking">Mark clusters that are zeroes only as long as no backing file is added.</param>
    internal void WriteZeroes(GuestOffset offset, long length, bool evenWithoutBacking)
    {
        _header.BeforeChange();
        GuestOffset end = offset + length;
        while (offset < end)
        {
            MappedRun run = _image.FindShared(offset, end - offset);
            bool mustMark = run.Kind == ExtentKind.Unallocated && (evenWithoutBacking || _image.BackingForWriting() is not null);
            offset += run.Kind == ExtentKind.Data || mustMark
                ? Zero(offset, Math.Min(end - offset, _inFlight.ToPartEnd(offset)), evenWithoutBacking)
                : run.Length;
        }
    }

    /// <summary>As <see cref="WriteZeroes"/>, where there are whole clusters, or nothing is to be done: parts of others are written.</summary>
    /// <returns>False, with nothing changed, elsewhere.</returns>
    internal bool TryWriteZeroesQuickly(GuestOffset offset, long length)
    {
        long toCluster = -offset.Value & (Geometry.ClusterSize - 1);
        bool hasWhole = toCluster < length && (offset.Value + length == _image.Length || length - toCluster >= Geometry.ClusterSize);
        if (!hasWhole && !IsZero(offset, length))
            return false;
        WriteZeroes(offset, length, evenWithoutBacking: false);
        return true;
    }

    /// <summary>Whether the tables say that a range reads as zeroes.</summary>
    private bool IsZero(GuestOffset offset, long length)
    {
        GuestOffset end = offset + length;
        while (offset < end)
        {
            MappedRun run = _image.FindShared(offset, end - offset);
            if (run.Kind == ExtentKind.Data || (run.Kind == ExtentKind.Unallocated && _image.BackingForWriting() is not null))
                return false;
            offset += run.Length;
        }

        return true;
    }

    private long Zero(GuestOffset offset, long length, bool evenWithoutBacking)
    {
        long toClusterEnd = Geometry.ClusterSize - (offset - AlignDown(offset));
        bool reachesEndOfDisk = offset.Value + length == _image.Length;
        long whole = reachesEndOfDisk
            ? Geometry.ClustersToHold(new ByteCount(length))
            : Geometry.WholeClustersIn(new ByteCount(length));
        if (toClusterEnd < Geometry.ClusterSize || whole == 0)
            return ZeroPart(offset, Math.Min(length, toClusterEnd));
        RequireSpace();
        bool mustMark = evenWithoutBacking || _image.BackingForWriting() is not null;
        try
        {
            DropAlone(offset, whole, mustMark);
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.NotEnoughSpace && MayFindRoom)
        {
            FindRoom();
            DropAlone(offset, whole, mustMark);
        }

        AfterChange();
        return Math.Min(length, whole << Geometry.ClusterBits);
    }

    private long ZeroPart(GuestOffset offset, long length)
    {
        using (_inFlight.Share(offset))
        {
            MappedRun run = _image.Map.Find(offset, length);
            if (run.Kind == ExtentKind.Zero)
                return length;
            if (run.Kind == ExtentKind.Data)
            {
                _storage.WriteZeroes(run.HostOffset.Value, run.Length);
                return run.Length;
            }
        }

        return Fill(offset, length, default);
    }

    private void DropAlone(GuestOffset offset, long clusters, bool mustMark)
    {
        using InFlight.Hold hold = _inFlight.Exclude(offset);
        Drop(offset, clusters, mustMark);
    }

    /// <summary>Drops the data of whole clusters, and hides what lies beneath where that is wanted; the caller holds them alone.</summary>
    private void Drop(GuestOffset offset, long clusters, bool mustMark)
    {
        GuestOffset end = offset + (clusters << Geometry.ClusterBits);
        while (offset < end)
        {
            MappedRun run = _image.Map.Find(offset, end - offset);
            long count = Geometry.ClustersToHold(new ByteCount(run.Length));
            if (run.Kind == ExtentKind.Data)
            {
                NoteChange();
                Map(offset, count, mustMark ? TableEntry.Zero : TableEntry.Unallocated);
                Space.Free(run.HostOffset, count);
            }
            else if (run.Kind == ExtentKind.Unallocated && mustMark)
            {
                NoteChange();
                _image.Map.EnsureTable(offset);
                Map(offset, count, TableEntry.Zero);
            }

            offset += run.Length;
        }
    }

    /// <summary>How many bytes come next that are all zeroes in whole clusters, or all are not.</summary>
    private int LengthOfLike(GuestOffset offset, ReadOnlySpan<byte> buffer, out bool isZero)
    {
        isZero = IsZeroCluster(offset, buffer);
        int length = 0;
        while (length < buffer.Length && IsZeroCluster(offset + length, buffer.Slice(length)) == isZero)
            length += (int)Math.Min(buffer.Length - length, Geometry.ClusterSize - ((offset.Value + length) & (Geometry.ClusterSize - 1)));
        return length;
    }

    private bool IsZeroCluster(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        int length = Math.Min(buffer.Length, Geometry.ClusterSize);
        bool isWhole = length == Geometry.ClusterSize || offset.Value + length == _image.Length;
        return isWhole && (offset.Value & (Geometry.ClusterSize - 1)) == 0 && ZeroScan.IsZero(buffer.Slice(0, length));
    }
}
