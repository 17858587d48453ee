using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>
/// Writes the contents of an image into a new one, into one that exists, or into a stream. The source is only read; a new
/// target appears only when it is whole.
/// </summary>
public static class ConvertImage
{
    /// <summary>Converts one image.</summary>
    /// <exception cref="DiskImageException">
    /// Of either image; ImageCorrupt where verifying finds a difference; UnsupportedFeature for options that exclude each other.
    /// </exception>
    /// <exception cref="OperationCanceledException">The conversion was cancelled; nothing is left of a new target.</exception>
    public static ConvertResult Run(
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        if (options.Salvage && options.DeleteSource)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a source of which parts may not be readable is not deleted after it was salvaged", options.Path);
        ImageFormat format = TargetFormat(options);
        IReadOnlyList<string> files;
        IReadOnlyList<GuestRange> lost;
        using (ConvertSource source = ConvertSource.Open(options, logger, cancellation))
        {
            files = source.Files;
            if (options.DestinationStream is not null)
            {
                lost = ConvertToStream.Run(source, format, options, progress, logger, cancellation);
            }
            else
            {
                source.RefuseLink(options.DestinationPath);
                lost = options.IntoExisting
                    ? ConvertIntoExisting.Run(source, format, options, progress, logger, cancellation)
                    : WriteNew(source, format, options, progress, logger, cancellation);
            }
        }

        if (options.DeleteSource)
            SourceFiles.Delete(files, file => Log.DeletedSource(logger, file));
        ImageDescription? target = options.DestinationStream is null ? DescribeImage.Of(options.DestinationPath, format.Name) : null;
        if (target is not null)
            CreateImage.WarnOfGeometry(target, logger);
        var result = new ConvertResult { File = target, UnreadableRanges = lost.Select(range => range.Bytes).ToArray() };
        if (lost.Count > 0)
            Log.Salvaged(logger, options.Path, result.UnreadableBytes, lost.Count, target?.Path ?? options.DestinationPath, FirstOf(lost));
        return result;
    }

    /// <summary>How a conversion copies.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="cancellation">Ends the waiting for a limited rate.</param>
    internal static CopyOptions HowToCopy(ConvertImageOptions options, CancellationToken cancellation) => new()
    {
        AllocateAll = options.AllocateAll,
        Limit = options.MaximumBytesPerSecond is { } rate ? new RateLimit(rate, cancellation) : null,
    };

    /// <summary>Writes a destination from its first byte to its last.</summary>
    /// <param name="target">What to write.</param>
    /// <param name="source">What to read.</param>
    /// <param name="format">The target's format.</param>
    /// <param name="layout">The image that it is to become.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="progress">Told how far the work is.</param>
    /// <param name="logger">Told what was done.</param>
    /// <param name="cancellation">Ends the work; nothing passes for an image then.</param>
    /// <returns>What could not be read.</returns>
    internal static IReadOnlyList<GuestRange> Fill(
        Destination target,
        ConvertSource source,
        ImageFormat format,
        TargetOptions layout,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        TargetRoom.Require(target, format, layout, source.Disk, progress, cancellation);
        using (ImageWriter writer = format.CreateWriter(target, layout))
        {
            var copier = new ImageCopier(source.Disk, layout.BackingImage, writer, layout.Size, HowToCopy(options, cancellation));
            long copied = copier.Run(new ProgressMeter(progress, "Converting", layout.Size), cancellation);
            source.RequireEnd();
            writer.Complete();
            Log.Copied(logger, source.Disk.Path, target.Target, copied, layout.Size);
        }

        target.Finish(new ProgressMeter(progress, "Writing zeroes", target.Storage.Length), cancellation);
        IReadOnlyList<GuestRange> lost = source.Unreadable?.ToList() ?? [];
        if (options.Verify || options.DeleteSource)
        {
            HostFile file = target.OpenWritten();
            using DiskImage written = format.Open(file, new ImageOpenOptions { Companions = new HostCompanions(file, target.PathsUnderConstruction) });
            written.AttachBacking(layout.BackingImage);
            try
            {
                // A block device may be longer than what was written to it.
                DiskImage part = target.FixedLength is null ? written : new DiskImageRange(written, default, Math.Min(layout.Size, written.Length));
                Verify(source, part, target.Target, options, progress, logger, cancellation);
            }
            finally
            {
                // The backing image has an owner already.
                written.AttachBacking(null);
            }
        }

        cancellation.ThrowIfCancellationRequested();
        target.Commit();
        return lost;
    }

    /// <summary>Reads the target anew and from the disk, as any other program might one day, and compares all that the source has.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt where the two differ.</exception>
    internal static void Verify(
        ConvertSource source,
        DiskImage target,
        string name,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        long lost = source.Unreadable?.Bytes ?? 0;
        var meter = new ProgressMeter(progress, "Verifying", source.Disk.Length);
        if (ImageComparer.FirstDifference(source.Disk, target, meter, cancellation, source.Unreadable) is { } offset)
            throw TargetFile.DiffersFromSource(name, options.Path, offset.Value);
        if (source.Unreadable?.Bytes > lost)
            Log.NotVerified(logger, source.Disk.Path, source.Unreadable.Bytes - lost);
        Log.Verified(logger, source.Disk.Path, name);
    }

    private static IReadOnlyList<GuestRange> WriteNew(
        ConvertSource source,
        ImageFormat format,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        DiskImage disk = source.Disk;
        using RequestedBacking? backing = RequestedBacking.Open(
            RequestedBacking.Named(options.BackingPath, options.BackingFormat), options.DestinationPath, logger);
        DiskImage? baseline = backing?.Image;
        DirtyPages.WriteOut(baseline, logger);
        ConversionLosses.Warn(source.Image, baseline, format, options, logger);
        int? sectorSize = ConversionLosses.LogicalSectorSize(source.Image, baseline, format, options);
        long size = PaddedSize(disk, format, options.Subformat, sectorSize, logger);
        if (options.DeleteSource)
        {
            SourceFiles.RequireDeletable(source.Files, disk.Backing, baseline);
            SourceFiles.RequireNoneRests(source.Files, logger, cancellation);
        }

        using Destination target = TargetFile.Begin(options.DestinationPath, options.Force, source.Image, logger, cancellation);
        var layout = new TargetOptions
        {
            Size = size,
            ClusterSize = options.ClusterSize,
            TableSize = options.TableSize,
            LogicalSectorSize = sectorSize,
            PhysicalSectorSize = ConversionLosses.PhysicalSectorSize(source.Image, baseline, format, options),
            Backing = backing?.Reference,
            BackingImage = baseline,
            Subformat = options.Subformat,
            Compress = options.Compress,
        };
        return Fill(target, source, format, layout, options, progress, logger, cancellation);
    }

    private static string FirstOf(IReadOnlyList<GuestRange> ranges)
    {
        const int Most = 8;
        string text = string.Join(", ", ranges.Take(Most).Select(range => FormattableString.Invariant($"{range.Length} at {range.Offset.Value}")));
        return ranges.Count <= Most ? text : FormattableString.Invariant($"{text}, and {ranges.Count - Most} more ranges");
    }

    internal static ImageFormat TargetFormat(ConvertImageOptions options)
        => options.Format is not null
            ? FormatRegistry.ByName(options.Format)
            : FormatRegistry.ByExtension(options.DestinationPath)
                ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, "the target's name does not say which format it is to have", options.DestinationPath)
                {
                    Remedy = new(RemedyKind.GiveFormat),
                };

    private static long PaddedSize(DiskImage source, ImageFormat format, Subformat subformat, int? sectorSize, ILogger logger)
    {
        long padded = format.PaddedSize(source.Length, subformat, sectorSize);
        if (padded != source.Length)
            Log.Padded(logger, source.Path, source.Length, Math.Max(format.SizeGranularity(subformat), sectorSize ?? 1), padded);
        return padded;
    }
}
