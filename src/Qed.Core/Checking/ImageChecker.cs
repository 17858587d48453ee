using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Checking;

/// <summary>Checks a QED image against every invariant of its specification, without changing it.</summary>
internal sealed class ImageChecker
{
    private readonly BlockStorage _storage;
    private readonly int _maximumIssues;

    /// <param name="storage">The image.</param>
    /// <param name="maximumIssues">How many findings are listed; all are counted.</param>
    internal ImageChecker(BlockStorage storage, int maximumIssues)
    {
        _storage = storage;
        _maximumIssues = maximumIssues;
        Scan = new ImageScan(storage, maximumIssues);
    }

    /// <summary>What the findings rest on.</summary>
    internal ImageScan Scan { get; }

    /// <summary>The clusters that it has found in use.</summary>
    internal ClusterBitmap Used => Scan.References.Used;

    internal CheckResult Run(ProgressMeter progress, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        // A name that cannot be read is as wrong as a table that cannot.
        QedHeaderReader.ReadBackingName(_storage, Scan.Header);
        Scan.Run(progress, cancellation);
        QedGeometry geometry = Scan.Header.Geometry;
        var unused = new UnusedSpace(_storage, geometry, Scan.Unreferenced);
        return new CheckResult
        {
            Path = _storage.Path,
            NeedsCheck = Scan.Header.NeedsCheck,
            Size = Scan.Header.ImageSize,
            FileSize = _storage.Length,
            EndOfUse = Scan.UsedClusters << geometry.ClusterBits,
            ClusterSize = geometry.ClusterSize,
            TotalClusters = geometry.ClustersToHold(new ByteCount(Scan.Header.ImageSize)),
            AllocatedClusters = Scan.Allocated,
            ZeroClusters = Scan.Zero,
            FragmentedClusters = Scan.Fragmented,
            FreeClusters = unused.Free,
            LeakedClusters = Scan.ClustersBeyondEnd + unused.Leaked,
            LeakedBytes = (Scan.ClustersBeyondEnd << geometry.ClusterBits) + unused.LeakedBytes,
            EntriesBeyondEnd = Scan.EntriesBeyondEnd,
            TailBytes = Scan.TailBytes,
            Corruptions = Scan.Corruptions,
            Issues = Issues(unused).Take(_maximumIssues).ToArray(),
            Duration = watch.Elapsed,
        };
    }

    private IEnumerable<ImageIssue> Issues(UnusedSpace unused)
    {
        foreach (TableFault fault in Scan.Faults)
            yield return Findings.Of(fault, Scan.Header, Scan.Bounds);
        foreach ((ClusterIndex first, long count) in unused.Leaks)
            yield return Findings.OfLeak(first, count, Scan.Header.Geometry);
        if (Scan.TailBytes > 0)
            yield return Findings.OfTail(Scan.Bounds);
    }
}
