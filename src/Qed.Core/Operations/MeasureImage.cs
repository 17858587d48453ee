using System;
using System.Collections.Generic;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Targets;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>
/// Tells how large the file of a conversion would be, by letting the target's format lay it out for a target that keeps
/// nothing but its length. The data itself is read only on demand.
/// </summary>
public static class MeasureImage
{
    // A disk of more grains is measured in part and the rest is reckoned from that: tables grow with the data.
    private const long MostGrains = 1 << 20;
    private const long ReserveStep = 64 << 20;

    /// <summary>Measures the conversion to one format.</summary>
    /// <exception cref="DiskImageException">
    /// Of any image of the source's chain; UnsupportedFeature, InvalidSize or InvalidGeometry where the conversion is not possible.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static MeasureResult Run(
        MeasureImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        ImageFormat target = FormatRegistry.ByName(options.Format ?? throw new ArgumentException("The target's format is not given.", nameof(options)));
        using DiskImage source = OpenSource(options, logger);
        return Measure(source, target, options, progress, cancellation);
    }

    /// <summary>Measures the conversion to each format that there is, but for those that do not have what is asked for. The options name no format.</summary>
    /// <returns>The measures, taken while they are enumerated; the source is open until the enumeration ends.</returns>
    /// <exception cref="DiskImageException">While enumerating: of any image of the source's chain.</exception>
    /// <exception cref="OperationCanceledException">While enumerating: the work was cancelled.</exception>
    public static IEnumerable<MeasureResult> RunAll(
        MeasureImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        return MeasureAll(options, progress, logger ?? NullLogger.Instance, cancellation);
    }

    private static IEnumerable<MeasureResult> MeasureAll(
        MeasureImageOptions options, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        using DiskImage source = OpenSource(options, logger);
        foreach (ImageFormat format in FormatRegistry.All)
        {
            MeasureResult? measure = null;
            try
            {
                measure = Measure(source, format, options, progress, cancellation);
            }
            catch (DiskImageException error) when (error.Kind is ErrorKind.UnsupportedFeature or ErrorKind.InvalidSize or ErrorKind.InvalidGeometry)
            {
                Log.NotMeasured(logger, source.Path, format.DisplayName, error.Message);
            }

            if (measure is not null)
                yield return measure;
        }
    }

    private static DiskImage OpenSource(MeasureImageOptions options, ILogger? logger) => options switch
    {
        { Path: { } path } => OpenImage.ForReading(path, options.SourceFormat, options.RawFallback, logger ?? NullLogger.Instance),
        { Size: { } size and >= 0 } => new EmptyDisk(size),
        _ => throw new ArgumentException("Neither a source nor the size of an empty disk is given.", nameof(options)),
    };

    private static MeasureResult Measure(
        DiskImage source, ImageFormat format, MeasureImageOptions options, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        var target = new TargetOptions
        {
            Size = format.PaddedSize(source.Length, options.Subformat),
            ClusterSize = options.ClusterSize,
            TableSize = options.TableSize,
            LogicalSectorSize = format.HasSectorSizes ? source.Details.LogicalSectorSize : null,
            Subformat = options.Subformat,
            Compress = options.Compress,
        };
        // A conversion into a folder gives it this name, and some formats write it into the file.
        string name = System.IO.Path.ChangeExtension(source.Path, format.Extensions[0]);
        var meter = new ProgressMeter(progress, $"Measuring as {format.Name}", target.Size);
        try
        {
            return new MeasureResult
            {
                Path = source.Path,
                Format = format.Name,
                Subformat = options.Subformat,
                Size = target.Size,
                FileSize = LengthOf(format, name, target, writer =>
                {
                    if (options.Exact)
                        new ImageCopier(source, null, writer, target.Size).Run(meter, cancellation);
                    else
                        ReserveData(source, null, writer, target.Size, meter, cancellation);
                }),
                FullyAllocatedSize = FullyAllocated(format, name, target, cancellation),
                IsExact = options.Exact,
            };
        }
        catch (DiskImageException error) when (error.Path == name)
        {
            throw error.WithPath(source.Path);
        }
    }

    /// <summary>How long the files of an image are together once it was filled.</summary>
    internal static long LengthOf(ImageFormat format, string name, TargetOptions options, Action<ImageWriter> fill)
    {
        using var target = new MeasuredTarget(name);
        using (ImageWriter writer = format.CreateWriter(target, options))
        {
            fill(writer);
            writer.Complete();
        }

        return target.Length;
    }

    /// <summary>Reserves space for all that is not known to be zero, or to come from the backing image, without reading it.</summary>
    internal static void ReserveData(DiskImage source, DiskImage? baseline, ImageWriter writer, long size, ProgressMeter meter, CancellationToken cancellation)
    {
        foreach (WorkPiece range in CopyPlan.Chunks(source, baseline, size, writer.Grain))
        {
            cancellation.ThrowIfCancellationRequested();
            writer.Reserve(range.Offset, range.Length);
            meter.ReachedAtLeast(range.End.Value);
        }
    }

    private static long FullyAllocated(ImageFormat format, string name, TargetOptions options, CancellationToken cancellation)
    {
        long part = 0;
        long whole = LengthOf(format, name, options, writer =>
        {
            part = Math.Min(options.Size, MostGrains * writer.Grain);
            Reserve(writer, part, cancellation);
        });
        if (part == options.Size)
            return whole;
        long half = part / 2;
        long growth = whole - LengthOf(format, name, options, writer => Reserve(writer, half, cancellation));
        return whole + (long)Math.Ceiling((decimal)growth * (options.Size - part) / (part - half));
    }

    private static void Reserve(ImageWriter writer, long end, CancellationToken cancellation)
    {
        for (long offset = 0; offset < end; offset += ReserveStep)
        {
            cancellation.ThrowIfCancellationRequested();
            writer.Reserve(new GuestOffset(offset), Math.Min(ReserveStep, end - offset));
        }
    }
}
