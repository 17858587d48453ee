using System;
using System.Collections.Generic;
using System.Threading;
using Qed.Layout;
using Qed.Units;

namespace Qed.Operations;

/// <summary>Which parts of a disk the damaged entries of an image stand for.</summary>
internal static class DamagedRanges
{
    /// <summary>The ranges in the disk's order, none of which overlaps another; empty for formats that cannot be checked.</summary>
    internal static IReadOnlyList<GuestRange> Of(MapImageOptions options, CancellationToken cancellation)
    {
        ImageDescription image = DescribeImage.Of(options.Path, options.SourceFormat, options.RawFallback);
        if (QedGeometry.TryCreate(image.ClusterSize ?? 0, image.TableSize ?? 0) is not { } geometry)
            return [];
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = options.Path, MaximumIssues = int.MaxValue }, cancellation: cancellation);
        var ranges = new List<GuestRange>();
        foreach (ImageIssue issue in check.Issues)
        {
            if (issue.GuestOffset is not { } offset || offset >= image.Size)
                continue;
            var start = new GuestOffset(offset);
            long length = Math.Min(issue.L2Index is null ? geometry.L2Span : geometry.ClusterSize, image.Size - start.Value);
            // Two findings of one entry, or of a table and an entry in it.
            GuestOffset from = ranges.Count > 0 && ranges[ranges.Count - 1].End > start ? ranges[ranges.Count - 1].End : start;
            if (start + length > from)
                ranges.Add(new GuestRange(from, start + length - from));
        }

        return ranges;
    }
}
