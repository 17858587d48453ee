using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>What a conversion reads: an image, several joined, a part of one, or a stream.</summary>
internal sealed class ConvertSource : IDisposable
{
    private readonly DiskImage _whole;

    private ConvertSource(DiskImage whole, ConvertImageOptions options, UnreadableRanges? unreadable)
    {
        _whole = whole;
        Unreadable = unreadable;
        if (options is { SourceStream: not null } or { Offset: 0, Length: null })
        {
            Disk = whole;
            return;
        }

        GuestRange part = RequestedRange.Of(whole, options.Offset, options.Length);
        RequireNoOverlap(whole, part);
        Disk = new DiskImageRange(whole, part.Offset, part.Length);
    }

    /// <summary>The whole source, with what it says of itself.</summary>
    internal DiskImage Image => _whole;

    /// <summary>The disk that is to be written.</summary>
    internal DiskImage Disk { get; }

    /// <summary>The files of all that is read, but for what images rest on.</summary>
    internal IReadOnlyList<string> Files => _whole.Files;

    /// <summary>What could not be read so far; null unless that is allowed.</summary>
    internal UnreadableRanges? Unreadable { get; }

    /// <summary>Opens what the options name.</summary>
    /// <exception cref="DiskImageException">Of any image; InvalidSize for a part that does not lie within the disk.</exception>
    internal static ConvertSource Open(ConvertImageOptions options, ILogger logger, CancellationToken cancellation)
    {
        bool isWhole = options is { Offset: 0, Length: null } && options.FurtherPaths.Count == 0;
        if (options.DeleteSource && !isWhole)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a source is deleted only where it alone, and all of it, was converted", options.Path) { Remedy = new(RemedyKind.KeepSource) };
        if (options.Salvage && !isWhole)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "only a whole disk is salvaged, and one at a time", options.Path);
        UnreadableRanges? unreadable = options.Salvage ? new UnreadableRanges() : null;
        DiskImage disk = options.SourceStream is { } stream ? OpenStream(stream, options) : OpenFiles(options, logger);
        try
        {
            if (unreadable is not null)
                disk = SalvagedImage.Over(disk, unreadable, logger, cancellation);
            return new ConvertSource(disk, options, unreadable);
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    /// <summary>Throws where a target is one of the source's files, or one of those that these rest on.</summary>
    /// <exception cref="DiskImageException">ImageExists.</exception>
    internal void RefuseLink(string target) => TargetFile.RefuseLinkOf(_whole, target);

    /// <summary>Makes sure, once all was read, that nothing is left of a stream.</summary>
    internal void RequireEnd() => (_whole as StreamDisk)?.RequireEnd();

    public void Dispose() => _whole.Dispose();

    private static StreamDisk OpenStream(Stream stream, ConvertImageOptions options)
    {
        bool asksForMore = options is { Snapshot: not null } or { Salvage: true } or { Verify: true } or { DeleteSource: true } or { Offset: not 0 }
            || options.FurtherPaths.Count > 0;
        if (asksForMore || (options.SourceFormat is { } format && !FormatRegistry.ByName(format).IsGuestBytes))
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "of a stream only a raw disk is read, once and whole", options.Path);
        long length = options.Length ?? (stream.CanSeek ? stream.Length - stream.Position : throw LengthMissing(options));
        return new StreamDisk(stream, options.Path, length);
    }

    private static DiskImage OpenFiles(ConvertImageOptions options, ILogger logger)
    {
        if (options.FurtherPaths.Count > 0 && (options.Snapshot is not null || options.BackingPath is not null))
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "several images are joined as they are, without snapshots and not onto a backing file", options.Path);
        var chain = new ChainOptions
        {
            Format = options.SourceFormat,
            RawFallback = options.RawFallback,
            Image = new ImageOpenOptions
            {
                Snapshot = options.Snapshot,
                AllowExternalData = options.AllowExternalData,
                AllowMissingData = options.Salvage,
            },
        };
        var opened = new List<DiskImage>();
        try
        {
            foreach (string path in options.FurtherPaths.Prepend(options.Path))
            {
                opened.Add(ImageChain.OpenChain(path, chain, logger));
                DirtyPages.WriteOut(opened[^1], logger);
            }

            if (opened.Count == 1)
                return opened[0];
            foreach (DiskImage image in opened)
                RequireNoOverlap(image, new GuestRange(default, image.Length));
            return new JoinedDisk(opened);
        }
        catch
        {
            opened.ForEach(image => image.Dispose());
            throw;
        }
    }

    /// <summary>
    /// Throws where blocks of an image lie over one another. Whoever copies a whole image notices that on the way, but a part
    /// and a joined disk do not tell where their data lies.
    /// </summary>
    private static void RequireNoOverlap(DiskImage image, GuestRange range)
    {
        var guard = new OverlapGuard();
        foreach (ChainExtent extent in image.GetChainExtents(range.Offset, range.Length))
        {
            if (guard.FindDamage(extent.Holder, extent.Run) is { } damage)
                throw damage;
        }
    }

    private static DiskImageException LengthMissing(ConvertImageOptions options)
        => new(ErrorKind.InvalidSize, "a stream does not tell how long the disk is that comes through it", options.Path)
        {
            Remedy = new(RemedyKind.GiveLength),
        };
}
