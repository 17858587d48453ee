using System;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Creates an empty QED image. The file appears under its name only when it is whole.</summary>
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
        progress?.Report(new OperationProgress("Creating", 0, 1, IsBytes: false));
        cancellation.ThrowIfCancellationRequested();
        BackingReference? backing = options.BackingPath is null ? null : new BackingReference(options.BackingPath, options.BackingFormat?.ToLowerInvariant());
        long size = SizeFor(options, backing, out string? probedFormat, logger);
        if (backing is { Format: null })
            backing = backing with { Format = probedFormat };
        ImageFormat format = FormatRegistry.ByName("qed");
        using (PendingFile file = PendingFile.Begin(options.Path, options.Force))
        {
            TargetFile.Fill(file, () =>
            {
                using ImageWriter writer = format.CreateWriter(file, new TargetOptions
                {
                    Size = size,
                    ClusterSize = options.ClusterSize,
                    TableSize = options.TableSize,
                    Backing = backing,
                });
                writer.Complete();
            });
            file.Commit();
        }

        Log.Created(logger, options.Path, size);
        ImageDescription result = DescribeImage.Run(options.Path, format.Name);
        WarnOfGeometry(result, logger);
        return result;
    }

    internal static void WarnOfGeometry(ImageDescription image, ILogger logger)
    {
        if (image.TableSize is not int tableSize || QedGeometry.TryCreate(image.ClusterSize ?? 0, tableSize) is not { } geometry)
            return;
        if (!geometry.IsOpenedByQemu)
            Log.NotOpenedByQemu(logger, geometry.ClusterSize, geometry.TableSize);
        else if (geometry.IsUnsafeUnderQemu)
            Log.UnsafeUnderQemu(logger, geometry.ClusterSize, geometry.TableSize);
    }

    private static long SizeFor(CreateImageOptions options, BackingReference? backing, out string? probedFormat, ILogger logger)
    {
        probedFormat = null;
        if (backing is null)
        {
            return options.Size ?? throw new DiskImageException(ErrorKind.InvalidSize, "a new image needs a size, or a backing file whose size it takes", options.Path)
            {
                Hint = "Give -SizeBytes.",
            };
        }

        using DiskImage image = ImageChain.OpenAsBacking(backing, options.Path, FileIdentity.Of(options.Path), logger);
        // What is raw today is fixed as raw: a guest that writes a foreign header into it must not change what it is.
        probedFormat = image.Format == "raw" ? "raw" : null;
        return options.Size ?? RoundUp(image.Length);
    }

    private static long RoundUp(long size)
        => (size + QedGeometry.SectorSize - 1) & -QedGeometry.SectorSize;
}
