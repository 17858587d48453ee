using System;
using System.Globalization;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Formats;
using Qed.Images;
using Qed.Targets;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>Reads a range of the guest's disk, through the backing chain, into a file, a stream or memory. The image is only read.</summary>
public static class ReadContent
{
    /// <summary>Reads a range into a file, which appears only when it is whole, or into a stream.</summary>
    /// <returns>The range that was read.</returns>
    /// <exception cref="DiskImageException">
    /// Of any image of the chain; InvalidSize for a range that is not within the disk; ImageExists, NotEnoughSpace or
    /// AccessDenied of the file, AccessDenied also where the stream fails.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left of the file, the stream has what was read so far.</exception>
    public static ByteRange Run(
        ReadContentOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        if (options.DestinationFile is null == options.DestinationStream is null)
            throw new ArgumentException("Either a file or a stream has to be given.", nameof(options));
        using DiskImage image = Open(options, logger, out GuestRange range);
        var meter = new ProgressMeter(progress, "Reading", range.Length);
        if (options.DestinationStream is { } stream)
            ReadInto(stream, image, range, meter, cancellation);
        else
            ReadInto(options.DestinationFile!, image, range, options, meter, logger ?? NullLogger.Instance, cancellation);
        Log.ContentRead(logger ?? NullLogger.Instance, range.Length, range.Offset.Value, image.Path);
        return range.Bytes;
    }

    /// <summary>Reads a range into memory; the options name no destination.</summary>
    /// <exception cref="DiskImageException">As <see cref="Run"/>; InvalidSize also for more than an array can hold.</exception>
    public static byte[] ToArray(
        ReadContentOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        using DiskImage image = Open(options, logger, out GuestRange range);
        // The most that both .NET and .NET Framework allow.
        const int Most = 0x7fffffc7;
        if (range.Length > Most)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"an array cannot hold {range.Length.ToString(CultureInfo.InvariantCulture)} bytes", image.Path)
            {
                Remedy = Remedy.Advice($"The largest length is {Most.ToString(CultureInfo.InvariantCulture)}; a file or a stream takes more."),
            };
        }

        byte[] bytes = new byte[range.Length];
        using var memory = new MemoryStream(bytes);
        ReadInto(memory, image, range, new ProgressMeter(progress, "Reading", range.Length), cancellation);
        return bytes;
    }

    private static DiskImage Open(ReadContentOptions options, ILogger? logger, out GuestRange range)
    {
        DiskImage image = OpenImage.ForReading(options.Path, options.SourceFormat, options.RawFallback, logger ?? NullLogger.Instance);
        try
        {
            range = RequestedRange.Of(image, options.Offset, options.Length);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static void ReadInto(Stream stream, DiskImage image, GuestRange range, ProgressMeter meter, CancellationToken cancellation)
    {
        var part = new DiskImageRange(image, range.Offset, range.Length);
        StreamCopier.Run(part, (bytes, count) => CallersStream.Use(image.Path, () => stream.Write(bytes, 0, count)), null, meter, cancellation);
        CallersStream.Use(image.Path, stream.Flush);
    }

    private static void ReadInto(
        string path, DiskImage image, GuestRange range, ReadContentOptions options, ProgressMeter meter, ILogger logger, CancellationToken cancellation)
    {
        TargetFile.RefuseLinkOf(image, path);
        var part = new DiskImageRange(image, range.Offset, range.Length);
        using Destination target = TargetFile.Begin(path, options.Force, image, logger, cancellation);
        using (ImageWriter writer = FormatRegistry.Raw.CreateWriter(target, new TargetOptions { Size = range.Length }))
        {
            new ImageCopier(part, null, writer, range.Length).Run(meter, cancellation);
            writer.Complete();
        }

        target.Finish(meter, cancellation);
        if (options.Verify)
            Verify(part, target, cancellation);
        cancellation.ThrowIfCancellationRequested();
        target.Commit();
    }

    private static void Verify(DiskImage part, Destination target, CancellationToken cancellation)
    {
        // A block device may be longer than what was written to it.
        using DiskImage image = FormatRegistry.Raw.Open(target.OpenWritten(), ImageOpenOptions.Default);
        using var written = new DiskImageRange(image, default, part.Length);
        if (ImageComparer.FirstDifference(part, written, ProgressMeter.Silent, cancellation) is { } offset)
            throw TargetFile.DiffersFromSource(target.Target, part.Path, offset.Value);
    }
}
