using System;
using System.Globalization;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>
/// Writes bytes into a range of the guest's disk of a QED image, in place. Where zeroes are written no space is taken.
/// The image is sound whatever happens; a range that was written in part stays so.
/// </summary>
public static class WriteContent
{
    /// <summary>Writes a file or a stream into a range.</summary>
    /// <exception cref="DiskImageException">
    /// What opening the image throws, UnsupportedFeature where it is no QED image; InvalidSize where the source is shorter
    /// than the length asked for, or more than the disk has room for, with nothing written unless the source is a stream
    /// whose length is unknown; ImageCorrupt where verifying finds a difference.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; part of the range may be written.</exception>
    public static ChangeResult Run(
        WriteContentOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        if (options.SourceFile is null == options.SourceStream is null)
            throw new ArgumentException("Either a file or a stream has to be given.", nameof(options));
        logger ??= NullLogger.Instance;
        using DiskImage? file = options.SourceFile is null ? null : FormatRegistry.Raw.Open(HostFile.Open(options.SourceFile, StorageAccess.Read), ImageOpenOptions.Default);
        using var source = new ContentSource(options.SourceStream ?? new DiskImageStream(file!), options.SourceFile, options.Path, options.Verify);
        ImageDescription before;
        GuestRange range;
        using (ImageForChange opened = OpenTarget(options, progress, logger, cancellation))
        {
            QedImage image = opened.Image;
            before = opened.Describe();
            opened.Begin(logger);
            long? length = options.Length ?? source.Length;
            RequireRoom(image, source, options.Offset, length);
            range = Write(image, source, options.Offset, length, new ProgressMeter(progress, "Writing", length ?? 0), cancellation);
            image.Flush();
        }

        if (options.Verify)
            Verify(options.Path, range, source, progress, logger, cancellation);
        Log.ContentWritten(logger, range.Length, range.Offset.Value, options.Path);
        return new ChangeResult
        {
            Before = before,
            After = DescribeImage.Of(options.Path),
            WrittenBytes = range.Length,
        };
    }

    private static ImageForChange OpenTarget(WriteContentOptions options, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        // Its lock would keep the very same process out, which would be hard to understand.
        if (options.SourceFile is not null && FileIdentity.Of(options.SourceFile) is { } source && FileIdentity.Of(options.Path) == source)
            throw new DiskImageException(ErrorKind.ImageExists, "source and target are the same file", options.Path);
        return ImageForChange.Open(options.Path, ChangeNeeds.Default, progress, logger, cancellation);
    }

    private static void RequireRoom(QedImage image, ContentSource source, long offset, long? length)
    {
        RequestedRange.Of(image, offset, length ?? 0);
        if (source.Length < length)
            throw source.TooShort(length!.Value, source.Length.Value);
    }

    private static GuestRange Write(QedImage image, ContentSource source, long offset, long? length, ProgressMeter meter, CancellationToken cancellation)
    {
        int grain = Math.Min(image.Geometry.ClusterSize, CopyPlan.ChunkSize);
        var next = new GuestOffset(offset);
        long done = 0;
        while (done != length)
        {
            cancellation.ThrowIfCancellationRequested();
            // Chunks end on chunk boundaries of the disk, so that no cluster is written in two parts for nothing.
            long toBoundary = CopyPlan.ChunkSize - (next.Value & (CopyPlan.ChunkSize - 1));
            ReadOnlySpan<byte> bytes = source.Next((int)Math.Min(toBoundary, (length ?? long.MaxValue) - done));
            if (bytes.IsEmpty)
            {
                if (length is not null)
                    throw source.TooShort(length.Value, done);
                break;
            }

            if (bytes.Length > image.Length - next.Value)
                throw RequestedRange.Outside(image, offset, done + bytes.Length);
            SparseWrite.Write(image, next, bytes, grain);
            next += bytes.Length;
            done += bytes.Length;
            meter.ReachedAtLeast(done);
        }

        return new GuestRange(new GuestOffset(offset), done);
    }

    private static void Verify(
        string path, GuestRange range, ContentSource source, IProgress<OperationProgress>? progress, ILogger logger, CancellationToken cancellation)
    {
        using DiskImage image = OpenImage.ForReading(path, FormatRegistry.Qed.Name, default, logger);
        // Closing it has flushed it: what is compared comes from the disk.
        (image.ExtentStorage as HostFile)?.DropCache();
        using var written = new ContentSource(new DiskImageStream(new DiskImageRange(image, range.Offset, range.Length)), path, path, withHash: true);
        var meter = new ProgressMeter(progress, "Verifying", range.Length);
        for (long done = 0; done < range.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            done += written.Next(CopyPlan.ChunkSize).Length;
            meter.ReachedAtLeast(done);
        }

        if (written.Hash().AsSpan().SequenceEqual(source.Hash()))
            return;
        throw new DiskImageException(
            ErrorKind.ImageCorrupt,
            $"the {range.Length.ToString(CultureInfo.InvariantCulture)} bytes at guest offset {range.Offset.Value.ToString(CultureInfo.InvariantCulture)} read differently from what was written there",
            path)
        {
            Remedy = Remedy.Advice("The host's memory or disk may be failing."),
        };
    }
}
