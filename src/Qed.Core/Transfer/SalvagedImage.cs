using System;
using System.Collections.Generic;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// An image of which every byte reads: what it cannot give reads as zeroes and is noted, in pieces as small as helps. Each
/// image of a chain is wrapped, so that what one of them cannot tell is not taken for what lies beneath it.
/// </summary>
internal sealed class SalvagedImage : DiskImage
{
    // What the host cannot read it is asked for in ever smaller pieces, down to a sector.
    private static readonly int[] Pieces = [64 << 10, 4 << 10, 512];

    // Of an entry that is damaged where no cluster size tells how far it reaches.
    private const int DefaultClusterSize = 1 << 20;
    private const int SearchStep = 16;

    private readonly DiskImage _image;
    private readonly UnreadableRanges _unreadable;
    private readonly CancellationToken _cancellation;
    private readonly long _clusterSize;

    private readonly ILogger _logger;
    private readonly object _guardLock = new();
    private OverlapGuard? _guard = new();

    private SalvagedImage(DiskImage image, UnreadableRanges unreadable, ILogger logger, CancellationToken cancellation)
    {
        _logger = logger;
        _image = image;
        _unreadable = unreadable;
        _cancellation = cancellation;
        _clusterSize = image.Details.ClusterSize ?? DefaultClusterSize;
    }

    public override string Path => _image.Path;

    public override IReadOnlyList<string> Files => _image.Files;

    public override string Format => _image.Format;

    public override long Length => _image.Length;

    internal override BackingReference? BackingReference => _image.BackingReference;

    internal override ImageDetails Details => _image.Details;

    /// <summary>Wraps an image with its chain, all of which the result owns.</summary>
    /// <param name="image">The image.</param>
    /// <param name="unreadable">Receives what could not be read. What it holds already is not tried again.</param>
    /// <param name="logger">Receives a warning of blocks that lie over one another, which are read as they are.</param>
    /// <param name="cancellation">Honoured between pieces: a failing device can take seconds for each.</param>
    internal static SalvagedImage Over(DiskImage image, UnreadableRanges unreadable, ILogger logger, CancellationToken cancellation)
    {
        var result = new SalvagedImage(image, unreadable, logger, cancellation);
        if (image.AttachBacking(null) is { } backing)
        {
            SalvagedImage beneath = Over(backing, unreadable, logger, cancellation);
            image.AttachBacking(beneath);
            result.AttachBacking(beneath);
        }

        return result;
    }

    // No host offset: whoever knows one could share or skip blocks there without reading them.
    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        (bool isUnreadable, long length) = _unreadable.RunAt(offset, maximum);
        if (isUnreadable)
            return new Extent(offset, length, ExtentKind.Data, null);
        if (Search(offset, maximum, out _) is not { } found)
            return new Extent(offset, ToClusterEnd(offset, maximum), ExtentKind.Data, null);
        WarnOfOverlap(found);
        return found with { HostOffset = null };
    }

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        (bool isUnreadable, long length) = _unreadable.RunAt(offset, buffer.Length);
        buffer = buffer.Slice(0, (int)length);
        if (isUnreadable)
            buffer.Clear();
        else if (!TryRead(offset, buffer))
            ReadExtents(offset, buffer);
        return buffer.Length;
    }

    protected override void Dispose(bool disposing)
    {
        // What lies beneath belongs to the image.
        AttachBacking(null);
        if (disposing)
            _image.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Reads a range that does not read as a whole, by what the image says of its parts.</summary>
    private void ReadExtents(GuestOffset offset, Span<byte> buffer)
    {
        int whole = buffer.Length;
        while (!buffer.IsEmpty)
        {
            Extent? found = Search(offset, buffer.Length, out bool isDamaged);
            // Of a compressed cluster all is readable or nothing is, and an entry stands for a cluster.
            long length = found?.Length ?? buffer.Length;
            if (found is null or { IsCompressed: true })
                length = ToClusterEnd(offset, length);
            Span<byte> part = buffer.Slice(0, (int)length);
            // Formats without tables read without looking anything up.
            if (found is null && (isDamaged || _image.Details.ClusterSize is not null))
                Lose(offset, part);
            else if (length == whole || !TryRead(offset, part))
                ReadPieces(offset, part, found is { IsCompressed: true } ? Pieces.Length : 0);
            buffer = buffer.Slice(part.Length);
            offset += length;
        }
    }

    /// <summary>Reads a range that does not read as a whole, piece by piece.</summary>
    private void ReadPieces(GuestOffset offset, Span<byte> buffer, int level)
    {
        if (level == Pieces.Length)
        {
            Lose(offset, buffer);
            return;
        }

        int size = Pieces[level];
        int whole = buffer.Length;
        while (!buffer.IsEmpty)
        {
            _cancellation.ThrowIfCancellationRequested();
            int length = (int)Math.Min(buffer.Length, size - (offset.Value & (size - 1)));
            Span<byte> piece = buffer.Slice(0, length);
            if (length == whole || !TryRead(offset, piece))
                ReadPieces(offset, piece, level + 1);
            buffer = buffer.Slice(length);
            offset += length;
        }
    }

    /// <summary>What the image says of an offset. An entry further on that is damaged must not hide what it says of this one.</summary>
    /// <returns>Null where it can say nothing.</returns>
    private Extent? Search(GuestOffset offset, long maximum, out bool isDamaged)
    {
        isDamaged = false;
        long least = ToClusterEnd(offset, maximum);
        for (long length = maximum; ; length = Math.Max(least, length / SearchStep))
        {
            _cancellation.ThrowIfCancellationRequested();
            try
            {
                return _image.GetExtent(offset, length);
            }
            catch (DiskImageException error) when (IsOfOnePlace(error))
            {
                isDamaged = error.Kind == ErrorKind.ImageCorrupt;
                if (length == least)
                    return null;
            }
        }
    }

    private void WarnOfOverlap(Extent run)
    {
        lock (_guardLock)
        {
            try
            {
                if (_guard?.FindDamage(_image, run) is not { } damage)
                    return;
                Log.SalvagedOverlap(_logger, damage.Message);
            }
            catch (DiskImageException error) when (IsOfOnePlace(error))
            {
                // The tables that this takes are read elsewhere too, and what is wrong with them is noted there.
            }

            _guard = null;
        }
    }

    private bool TryRead(GuestOffset offset, Span<byte> buffer)
    {
        try
        {
            _image.Read(offset, buffer);
            return true;
        }
        catch (DiskImageException error) when (IsOfOnePlace(error))
        {
            return false;
        }
    }

    private void Lose(GuestOffset offset, Span<byte> buffer)
    {
        buffer.Clear();
        _unreadable.Add(offset, buffer.Length);
    }

    private long ToClusterEnd(GuestOffset offset, long maximum) => Math.Min(maximum, _clusterSize - (offset.Value % _clusterSize));

    /// <summary>Whether an error says something of the place that was read and nothing of others.</summary>
    private static bool IsOfOnePlace(DiskImageException error) => error.Kind == ErrorKind.ImageCorrupt || StorageErrors.IsFailedRead(error);
}
