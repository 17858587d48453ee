using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Images;
using Qed.Transfer;
using Qed.Units;

namespace Qed.Operations;

/// <summary>Compares what the guest sees of two images of any formats, with what they rest on. Changes nothing.</summary>
public static class CompareImages
{
    /// <summary>Compares two images; the smaller one counts as followed by zeroes.</summary>
    /// <exception cref="DiskImageException">Of either image or any image that they rest on.</exception>
    /// <exception cref="OperationCanceledException">The comparison was cancelled.</exception>
    public static CompareResult Run(
        CompareImagesOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        if (options.MaximumRanges < 0)
            throw new ArgumentOutOfRangeException(nameof(options), options.MaximumRanges, "A list cannot have fewer than no ranges.");
        logger ??= NullLogger.Instance;
        var watch = Stopwatch.StartNew();
        using DiskImage left = OpenImage.ForReading(options.Path, options.SourceFormat, options.RawFallback, logger);
        using DiskImage right = OpenDifference(options, logger);
        DirtyPages.WriteOut(left, logger);
        DirtyPages.WriteOut(right, logger);
        CompareResult result = Compare(left, right, options, progress, cancellation) with { Duration = watch.Elapsed };
        Log.Compared(logger, result.Path, result.DifferencePath, (long)watch.Elapsed.TotalMilliseconds, result.IsEqual ? "are equal" : "differ");
        return result;
    }

    private static DiskImage OpenDifference(CompareImagesOptions options, ILogger logger)
    {
        try
        {
            return OpenImage.ForReading(options.DifferencePath, options.DifferenceFormat, options.RawFallback, logger);
        }
        catch (DiskImageException error) when (error.Remedy is { } remedy)
        {
            throw error.WithRemedy(remedy.ForDifference());
        }
    }

    private static CompareResult Compare(
        DiskImage left, DiskImage right, CompareImagesOptions options, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        bool sizesMatter = options.Strict && left.Length != right.Length;
        var result = new CompareResult
        {
            Path = left.Path,
            DifferencePath = right.Path,
            Size = left.Length,
            DifferenceSize = right.Length,
            IsEqual = !sizesMatter,
        };
        if (options.FirstOnly && sizesMatter)
            return result;
        var meter = new ProgressMeter(progress, "Comparing", Math.Max(left.Length, right.Length));
        var comparer = new ImageComparer(left, right, new SharedFiles(), meter, cancellation);
        if (options.FirstOnly)
        {
            GuestOffset? first = comparer.FirstDifference();
            return result with { IsEqual = first is null, FirstDifference = first?.Value };
        }

        DifferenceList all = comparer.AllDifferences(options.MaximumRanges);
        return result with
        {
            IsEqual = !sizesMatter && all.Count == 0,
            FirstDifference = all.First?.Value,
            DifferingBytes = all.Bytes,
            RangeCount = all.Count,
            Ranges = all.Ranges.Select(range => range.Bytes).ToArray(),
        };
    }
}
