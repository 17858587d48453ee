using System;
using System.Collections.Generic;
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
    public static ImageDescription Run(
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        ImageFormat format = TargetFormat(options);
        IReadOnlyList<string> files;
        using (DiskImage source = ImageChain.OpenChain(options.Path, SourceOptions(options), logger))
        {
            if (source.Details.Snapshots.Count > 0)
                Log.SnapshotsDropped(logger, source.Path, string.Join(", ", source.Details.Snapshots));
            TargetFile.RefuseLinkOf(source, options.DestinationPath);
            files = source.Files;
            Write(source, format, options, progress, logger, cancellation);
        }

        if (options.DeleteSource)
            SourceFiles.Delete(files, logger);

        ImageDescription result = DescribeImage.Run(options.DestinationPath, format.Name);
        CreateImage.WarnOfGeometry(result, logger);
        return result;
    }

    private static void Write(
        DiskImage source,
        ImageFormat format,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        long size = PaddedSize(source, format, options.Subformat, logger);
        BackingReference? backing = options.BackingPath is null ? null : new BackingReference(options.BackingPath, options.BackingFormat?.ToLowerInvariant());
        using DiskImage? baseline = backing is null ? null
            : ImageChain.OpenAsBacking(backing, options.DestinationPath, FileIdentity.Of(options.DestinationPath), logger);
        if (options.DeleteSource)
            SourceFiles.RequireDeletable(source, baseline);
        if (backing is { Format: null } && baseline?.Format == "raw")
            backing = backing with { Format = "raw" };
        using PendingFile file = PendingFile.Begin(options.DestinationPath, options.Force);
        TargetFile.Fill(file, () =>
        {
            using (ImageWriter writer = format.CreateWriter(file, new TargetOptions
            {
                Size = size,
                ClusterSize = options.ClusterSize,
                TableSize = options.TableSize,
                Backing = backing,
                BackingImage = baseline,
                Subformat = options.Subformat,
                Compress = options.Compress,
            }))
            {
                var copier = new ImageCopier(source, baseline, writer, size);
                long copied = copier.Run(progress.Meter("Converting", size), cancellation);
                writer.Complete();
                Log.Copied(logger, source.Path, file.Target, copied, size);
            }

            if (options.Verify || options.DeleteSource)
                Verify(source, file, format, baseline, options, progress, logger, cancellation);
        });
        cancellation.ThrowIfCancellationRequested();
        file.Commit();
    }

    /// <summary>Reads the target anew, as any other program would, before it gets its name.</summary>
    private static void Verify(
        DiskImage source,
        PendingFile file,
        ImageFormat format,
        DiskImage? baseline,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        HostFile written = HostFile.Open(file.Storage.Path, StorageAccess.Peek);
        using DiskImage target = format.Open(written, new ImageOpenOptions { PathsUnderConstruction = file.PathsUnderConstruction });
        target.AttachBacking(baseline);
        try
        {
            GuestOffset? difference = ImageComparer.FirstDifference(source, target, progress.Meter("Verifying", source.Length), cancellation);
            if (difference is { } offset)
                throw TargetFile.DiffersFromSource(file.Target, options.Path, offset.Value);
        }
        finally
        {
            // The backing image has an owner already.
            target.AttachBacking(null);
        }

        Log.Verified(logger, source.Path, file.Target);
    }

    private static ChainOptions SourceOptions(ConvertImageOptions options) => new()
    {
        Format = options.SourceFormat,
        Image = new ImageOpenOptions { Snapshot = options.Snapshot, AllowExternalData = options.AllowExternalData },
    };

    private static ImageFormat TargetFormat(ConvertImageOptions options)
        => options.Format is not null
            ? FormatRegistry.ByName(options.Format)
            : FormatRegistry.ByExtension(options.DestinationPath)
                ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, "the target's name does not say which format it is to have", options.DestinationPath)
                {
                    Remedy = new(RemedyKind.GiveFormat),
                };

    private static long PaddedSize(DiskImage source, ImageFormat format, Subformat subformat, ILogger logger)
    {
        long padded = format.PaddedSize(source.Length, subformat);
        if (padded != source.Length)
            Log.Padded(logger, source.Path, source.Length, format.SizeGranularity(subformat), padded);
        return padded;
    }
}
