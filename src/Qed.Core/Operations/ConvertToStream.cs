using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Formats;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>The part of <see cref="ConvertImage"/> that passes a disk on, from its first byte to its last, as a raw image.</summary>
internal static class ConvertToStream
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
        if (!format.IsGuestBytes)
        {
            throw new DiskImageException(
                ErrorKind.UnsupportedFeature, $"a {format.DisplayName} image cannot be written to a stream: its first bytes are known only when all others are; a raw one can", options.DestinationPath);
        }

        if (options is { BackingPath: not null } or { Verify: true } or { DeleteSource: true } or { IntoExisting: true })
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "what was written to a stream cannot be read again, nor can it rest on another image", options.DestinationPath);
        ConversionLosses.Warn(source.Image, null, format, options, logger);
        Stream target = options.DestinationStream!;
        long length = source.Disk.Length;
        StreamCopier.Run(
            source.Disk,
            (bytes, count) => CallersStream.Use(options.DestinationPath, () => target.Write(bytes, 0, count)),
            ConvertImage.HowToCopy(options, cancellation).Limit,
            new ProgressMeter(progress, "Converting", length),
            cancellation);
        source.RequireEnd();
        CallersStream.Use(options.DestinationPath, target.Flush);
        Log.Copied(logger, source.Disk.Path, options.DestinationPath, length, length);
        return source.Unreadable?.ToList() ?? [];
    }
}
