using System;
using System.Diagnostics;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Images;
using Qed.Transfer;

namespace Qed.Operations;

/// <summary>
/// Hashes what the guest sees of an image, with what it rests on: the same in every format that holds the disk, and that of
/// the raw disk's file. Changes nothing.
/// </summary>
public static class HashImage
{
    private static readonly HashAlgorithmName[] Known =
        [HashAlgorithmName.MD5, HashAlgorithmName.SHA1, HashAlgorithmName.SHA256, HashAlgorithmName.SHA384, HashAlgorithmName.SHA512];

    /// <summary>Hashes one image. Holes and zeroes are hashed without being read.</summary>
    /// <exception cref="DiskImageException">Of any image of the chain.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static HashResult Run(
        HashImageOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        if (!Known.Contains(options.Algorithm))
            throw new ArgumentOutOfRangeException(nameof(options), options.Algorithm.Name, "The algorithm is none of MD5, SHA1, SHA256, SHA384 and SHA512.");
        var watch = Stopwatch.StartNew();
        using DiskImage image = OpenImage.ForReading(options.Path, options.SourceFormat, options.RawFallback, logger ?? NullLogger.Instance);
        byte[] hash = ContentHash.Of(image, options.Algorithm, new ProgressMeter(progress, "Hashing", image.Length), cancellation);
        return new HashResult
        {
            Path = image.Path,
            Format = image.Format,
            Size = image.Length,
            Algorithm = options.Algorithm.Name!,
            Hash = BitConverter.ToString(hash).Replace("-", string.Empty),
            Duration = watch.Elapsed,
        };
    }
}
