using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;
using Qed.Transfer;

namespace Qed.Operations;

/// <summary>Writes the contents of an image into a new one. The source is only read, the target appears only when it is whole.</summary>
public static class ConvertImage
{
    /// <summary>Converts one image.</summary>
    /// <exception cref="DiskImageException">Of either image; ImageCorrupt where verifying finds a difference.</exception>
    /// <exception cref="OperationCanceledException">The conversion was cancelled; nothing is left of the target.</exception>
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
        UnreadableRanges? unreadable = options.Salvage ? new UnreadableRanges() : null;
        IReadOnlyList<DiskRange> lost;
        using (DiskImage source = OpenSource(options, unreadable, logger, cancellation))
        {
            TargetFile.RefuseLinkOf(source, options.DestinationPath);
            files = source.Files;
            DirtyPages.WriteOut(source, logger);
            lost = Write(source, unreadable, format, options, progress, logger, cancellation);
        }

        if (options.DeleteSource)
            SourceFiles.Delete(files, logger);

        ImageDescription target = DescribeImage.Run(options.DestinationPath, format.Name);
        CreateImage.WarnOfGeometry(target, logger);
        var result = new ConvertResult { Target = target, UnreadableRanges = lost };
        if (lost.Count > 0)
            Log.Salvaged(logger, options.Path, result.UnreadableBytes, lost.Count, target.Path, FirstOf(lost));
        return result;
    }

    /// <returns>What could not be read.</returns>
    private static IReadOnlyList<DiskRange> Write(
        DiskImage source,
        UnreadableRanges? unreadable,
        ImageFormat format,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        BackingReference? backing = options.BackingPath is null ? null : new BackingReference(options.BackingPath, options.BackingFormat?.ToLowerInvariant());
        using DiskImage? baseline = backing is null ? null
            : ImageChain.OpenAsBacking(backing, options.DestinationPath, FileIdentity.Of(options.DestinationPath), logger);
        DirtyPages.WriteOut(baseline, logger);
        ConversionLosses.Warn(source, baseline, format, options, logger);
        int? sectorSize = ConversionLosses.LogicalSectorSize(source, baseline, format, options);
        long size = PaddedSize(source, format, options.Subformat, sectorSize, logger);
        if (options.DeleteSource)
            SourceFiles.RequireDeletable(source, baseline);
        if (backing is { Format: null } && baseline?.Format == "raw")
            backing = backing with { Format = "raw" };
        using Destination target = TargetFile.Begin(options.DestinationPath, options.Force, source, logger, cancellation);
        var layout = new TargetOptions
        {
            Size = size,
            ClusterSize = options.ClusterSize,
            TableSize = options.TableSize,
            LogicalSectorSize = sectorSize,
            PhysicalSectorSize = ConversionLosses.PhysicalSectorSize(source, baseline, format, options),
            Backing = backing,
            BackingImage = baseline,
            Subformat = options.Subformat,
            Compress = options.Compress,
        };
        TargetRoom.Require(target, format, layout, source, progress, cancellation);
        using (ImageWriter writer = format.CreateWriter(target, layout))
        {
            var copier = new ImageCopier(source, baseline, writer, size);
            long copied = copier.Run(progress.Meter("Converting", size), cancellation);
            writer.Complete();
            Log.Copied(logger, source.Path, target.Target, copied, size);
        }

        target.Finish(progress.Meter("Writing zeroes", target.Storage.Length), cancellation);
        IReadOnlyList<DiskRange> lost = unreadable?.ToList() ?? [];
        if (options.Verify || options.DeleteSource)
            Verify(source, unreadable, target, format, size, baseline, options, progress, logger, cancellation);
        cancellation.ThrowIfCancellationRequested();
        target.Commit();
        return lost;
    }

    /// <summary>Reads the target anew and from the disk, as any other program might one day, before it gets its name.</summary>
    private static void Verify(
        DiskImage source,
        UnreadableRanges? unreadable,
        Destination destination,
        ImageFormat format,
        long size,
        DiskImage? baseline,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        using DiskImage target = format.Open(destination.OpenWritten(), new ImageOpenOptions { PathsUnderConstruction = destination.PathsUnderConstruction });
        target.AttachBacking(baseline);
        long lost = unreadable?.Bytes ?? 0;
        try
        {
            // A block device may be longer than what was written to it.
            DiskImage written = destination.FixedLength is null ? target : new DiskImageRange(target, default, Math.Min(size, target.Length));
            GuestOffset? difference = ImageComparer.FirstDifference(source, written, progress.Meter("Verifying", source.Length), cancellation, unreadable);
            if (difference is { } offset)
                throw TargetFile.DiffersFromSource(destination.Target, options.Path, offset.Value);
        }
        finally
        {
            // The backing image has an owner already.
            target.AttachBacking(null);
        }

        if (unreadable?.Bytes > lost)
            Log.NotVerified(logger, source.Path, unreadable.Bytes - lost);
        Log.Verified(logger, source.Path, destination.Target);
    }

    private static DiskImage OpenSource(ConvertImageOptions options, UnreadableRanges? unreadable, ILogger logger, CancellationToken cancellation)
    {
        DiskImage source = ImageChain.OpenChain(options.Path, new ChainOptions
        {
            Format = options.SourceFormat,
            RawFallback = options.RawFallback,
            Image = new ImageOpenOptions
            {
                Snapshot = options.Snapshot,
                AllowExternalData = options.AllowExternalData,
                AllowMissingData = options.Salvage,
            },
        }, logger);
        return unreadable is null ? source : SalvagedImage.Over(source, unreadable, logger, cancellation);
    }

    private static string FirstOf(IReadOnlyList<DiskRange> ranges)
    {
        const int Most = 8;
        string text = string.Join(", ", ranges.Take(Most).Select(range => FormattableString.Invariant($"{range.Length} at {range.Offset.Value}")));
        return ranges.Count <= Most ? text : FormattableString.Invariant($"{text}, and {ranges.Count - Most} more ranges");
    }

    private static ImageFormat TargetFormat(ConvertImageOptions options)
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
