using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Layout;
using Qed.Targets;

namespace Qed.Operations;

/// <summary>Creates an empty image, of the QED format unless told otherwise. The file appears under its name only when it is whole.</summary>
public static class CreateImage
{
    /// <summary>Creates one image.</summary>
    /// <exception cref="DiskImageException">
    /// InvalidSize, InvalidGeometry, ImageExists, BackingFileMissing, BackingFileRefused, NotEnoughSpace, AccessDenied, and
    /// what opening the backing chain throws.
    /// </exception>
    public static ImageDescription Run(
        CreateImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        cancellation.ThrowIfCancellationRequested();
        ImageFormat format = FormatOf(options);
        BackingReference? reference = RequestedBacking.Named(options.BackingPath, options.BackingFormat);
        using RequestedBacking? backing = options.WithoutOpeningBacking
            ? RequestedBacking.Trust(reference, options.Path)
            : RequestedBacking.Open(reference, options.Path, logger);
        long size = SizeFor(options, format, backing?.Image);
        using (Destination target = TargetFile.Begin(options.Path, options.Force, source: null, logger, cancellation))
        {
            var layout = new TargetOptions
            {
                Size = size,
                ClusterSize = options.ClusterSize,
                TableSize = options.TableSize,
                LogicalSectorSize = options.LogicalSectorSize,
                PhysicalSectorSize = options.PhysicalSectorSize,
                Backing = backing?.Reference,
                BackingImage = backing?.Image,
                Subformat = options.Subformat,
            };
            TargetRoom.Require(target, format, layout);
            using (ImageWriter writer = format.CreateWriter(target, layout))
                writer.Complete();

            target.Finish(new ProgressMeter(progress, "Writing zeroes", target.Storage.Length), cancellation);
            target.Commit();
        }

        Log.Created(logger, options.Path, size);
        ImageDescription result = DescribeImage.Of(options.Path, format.Name);
        WarnOfGeometry(result, logger);
        return result;
    }

    internal static ImageFormat FormatOf(CreateImageOptions options) => options.Format is { } name ? FormatRegistry.ByName(name) : FormatRegistry.Qed;

    internal static void WarnOfGeometry(ImageDescription image, ILogger logger)
    {
        if (image.TableSize is not int tableSize || QedGeometry.TryCreate(image.ClusterSize ?? 0, tableSize) is not { } geometry)
            return;
        if (!geometry.IsOpenedByQemu)
            Log.NotOpenedByQemu(logger, geometry.ClusterSize, geometry.TableSize);
        else if (geometry.IsUnsafeUnderQemu)
            Log.UnsafeUnderQemu(logger, geometry.ClusterSize, geometry.TableSize);
    }

    /// <exception cref="DiskImageException">InvalidSize where neither a size nor a backing file is given.</exception>
    internal static long SizeFor(CreateImageOptions options, ImageFormat format, DiskImage? backing)
    {
        long size = options.Size ?? backing?.Length
            ?? throw new DiskImageException(ErrorKind.InvalidSize, "a new image needs a size, or a backing file whose size it takes", options.Path)
            {
                Remedy = new(RemedyKind.GiveSize),
            };
        int granularity = Math.Max(format.SizeGranularity(options.Subformat), options.LogicalSectorSize ?? 1);
        long excess = size % granularity;
        bool mayRoundUp = (options.RoundUpSize || options.Size is null) && size <= long.MaxValue - granularity;
        return mayRoundUp && excess > 0 ? size - excess + granularity : size;
    }
}
