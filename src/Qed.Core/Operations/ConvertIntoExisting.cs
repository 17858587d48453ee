using System;
using System.Collections.Generic;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Targets;
using Qed.Transfer;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>The part of <see cref="ConvertImage"/> that writes into an image which exists, and leaves it the kind of image that it is.</summary>
internal static class ConvertIntoExisting
{
    /// <returns>What could not be read.</returns>
    internal static IReadOnlyList<GuestRange> Run(
        ConvertSource source,
        ImageFormat format,
        ConvertImageOptions options,
        IProgress<OperationProgress>? progress,
        ILogger logger,
        CancellationToken cancellation)
    {
        RefuseOptionsOfNewImages(options);
        if (options.DeleteSource)
        {
            SourceFiles.RequireDeletable(source.Files, source.Disk.Backing, baseline: null);
            SourceFiles.RequireNoneRests(source.Files, logger, cancellation);
        }

        ConversionLosses.Warn(source.Image, null, format, options, logger);
        if (format.IsGuestBytes)
            return IntoRaw(source, format, options, progress, logger, cancellation);
        if (format.IsChangedInPlace)
            return IntoImage(source, options, progress, logger, cancellation);
        throw new DiskImageException(
            ErrorKind.UnsupportedFeature, $"only a raw or a QED image is written into where it lies, not a {format.DisplayName} image", options.DestinationPath)
        {
            Remedy = Remedy.Advice("Let a new image be created instead."),
        };
    }

    private static IReadOnlyList<GuestRange> IntoRaw(
        ConvertSource source, ImageFormat format, ConvertImageOptions options, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        using InPlaceTarget target = InPlaceTarget.Open(options.DestinationPath, options.TargetIsZero, cancellation);
        RequireRoom(source, target.FixedLength!.Value, options);
        return ConvertImage.Fill(target, source, format, new TargetOptions { Size = source.Disk.Length }, options, progress, logger, cancellation);
    }

    private static IReadOnlyList<GuestRange> IntoImage(
        ConvertSource source, ConvertImageOptions options, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        long length = source.Disk.Length;
        using (QedImage target = OpenImage.ForWriting(options.DestinationPath, ChangeNeeds.Default, progress, logger, cancellation))
        {
            RequireRoom(source, target.Length, options);
            using var writer = new InPlaceWriter(target);
            CopyOptions how = ConvertImage.HowToCopy(options, cancellation) with { WriteZeroes = !options.TargetIsZero };
            long copied = new ImageCopier(source.Disk, null, writer, length, how).Run(new ProgressMeter(progress, "Converting", length), cancellation);
            source.RequireEnd();
            writer.Complete();
            Log.Copied(logger, source.Disk.Path, target.Path, copied, length);
        }

        IReadOnlyList<GuestRange> lost = source.Unreadable?.ToList() ?? [];
        if (options.Verify || options.DeleteSource)
        {
            using DiskImage written = OpenImage.ForReading(options.DestinationPath, FormatRegistry.Qed.Name, default, logger);
            ConvertImage.Verify(source, new DiskImageRange(written, default, length), options.DestinationPath, options, progress, logger, cancellation);
        }

        return lost;
    }

    private static void RefuseOptionsOfNewImages(ConvertImageOptions options)
    {
        if (options is { BackingPath: not null } or { ClusterSize: not null } or { TableSize: not null } or { Compress: true }
            || options.Subformat != Subformat.Dynamic)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "an image that is written into where it lies stays what it is: its layout, backing file and compression are not chosen anew", options.DestinationPath);
        }
    }

    private static void RequireRoom(ConvertSource source, long length, ConvertImageOptions options)
    {
        if (source.Disk.Length > length)
        {
            throw new DiskImageException(
                ErrorKind.InvalidSize, $"output file is smaller than input file: its disk has {Text(length)} bytes, and {Text(source.Disk.Length)} are to be written into it", options.DestinationPath);
        }
    }
}
