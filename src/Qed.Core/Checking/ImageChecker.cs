using System;
using System.Buffers;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// Checks a QED image against every invariant of its specification, without changing it. The L1 table is looked at
/// first, then the L2 tables in file order by several workers; a second pass names the entries of clusters that are
/// referenced twice, where there are any.
/// </summary>
internal sealed class ImageChecker
{
    // A bitmap each: past this much memory fewer workers share the work instead.
    private const long BitmapBudget = 48L << 20;

    // 2 GiB of bits: a petabyte at the default cluster size, and far more than a real file of small clusters has.
    private const long MaximumFileClusters = 1L << 34;

    private readonly BlockStorage _storage;
    private readonly QedHeader _header;
    private readonly ImageBounds _bounds;
    private readonly int _maximumIssues;
    private readonly List<CheckIssue> _issues = [];
    private readonly List<TableLocation> _tables = [];
    private readonly ReferenceMap _references;
    private long _corruptions;
    private long _beyondEnd;
    private long _leaked;

    internal ImageChecker(BlockStorage storage, int maximumIssues)
    {
        _storage = storage;
        _header = QedHeaderReader.Read(storage);
        _bounds = new ImageBounds(_header, storage.Length);
        _maximumIssues = maximumIssues;
        if (_bounds.FileClusters > MaximumFileClusters)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "the file has more clusters than a check can hold in memory", storage.Path)
            {
                Structure = "file length",
                Value = (ulong)storage.Length,
            };
        }

        _references = new ReferenceMap(_bounds.FileClusters);
    }

    /// <summary>After the check: which clusters are in use.</summary>
    internal ReferenceMap References => _references;

    /// <summary>After the check: the valid L2 tables.</summary>
    internal IReadOnlyList<TableLocation> Tables => _tables;

    /// <summary>After the check: entries that break a rule.</summary>
    internal long Corruptions => _corruptions;

    internal ImageBounds Bounds => _bounds;

    internal QedHeader Header => _header;

    internal CheckResult Run(ProgressMeter progress, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        // A name that cannot be read is as wrong as a table that cannot.
        QedHeaderReader.ReadBackingName(_storage, _header);
        _references.Add(new ClusterIndex(0), _header.HeaderClusters);
        _references.Add(Geometry.ClusterOf(_header.L1TableOffset), Geometry.TableSize);
        ScanL1(cancellation);
        TableBatch[] batches = TableBatch.Cut(_tables, Geometry).ToArray();
        progress.Expect(batches.Sum(batch => (long)batch.Entries * TableEntry.Size));
        List<TableScanner> scanners = ScanL2(batches, progress, cancellation);
        // In the order in which a repair must know of them, for not all may be listed: first which tables are data, or it
        // mends away what is none of theirs; last what needs room, for which the file grows.
        List<Reference> shared = _references.Twice is null ? [] : ReferencesToShared(batches, cancellation);
        ReportSharedTables(shared);
        foreach (TableScanner scanner in scanners)
            _issues.AddRange(scanner.Issues.Take(_maximumIssues - _issues.Count));
        ReportSharedData(shared);
        _issues.Sort((a, b) => (a.L1Index, a.L2Index ?? -1, a.Kind).CompareTo((b.L1Index, b.L2Index ?? -1, b.Kind)));
        ListLeaks();
        ListTail();
        return new CheckResult
        {
            Path = _storage.Path,
            NeedsCheck = _header.NeedsCheck,
            Size = _header.ImageSize,
            FileSize = _storage.Length,
            ClusterSize = Geometry.ClusterSize,
            TotalClusters = Geometry.ClustersToHold(new ByteCount(_header.ImageSize)),
            AllocatedClusters = scanners.Sum(scanner => scanner.Allocated),
            ZeroClusters = scanners.Sum(scanner => scanner.Zero),
            FragmentedClusters = scanners.Sum(scanner => scanner.Fragmented)
                + TableSeams.Fragmented(scanners.Select(scanner => scanner.Seams), Geometry.ClusterSize),
            LeakedClusters = _leaked,
            EntriesBeyondEnd = _beyondEnd,
            TailBytes = TailBytes,
            Corruptions = _corruptions,
            Issues = _issues,
            Duration = watch.Elapsed,
        };
    }

    private QedGeometry Geometry => _header.Geometry;

    private void ScanL1(CancellationToken cancellation)
    {
        long end = _header.L1TableEnd.Value;
        ulong[] entries = ArrayPool<ulong>.Shared.Rent(Math.Min(Geometry.EntriesPerTable, TableBatch.MaximumBytes / TableEntry.Size));
        try
        {
            ScanL1(entries, end, cancellation);
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(entries);
        }
    }

    private void ScanL1(ulong[] entries, long end, CancellationToken cancellation)
    {
        for (long offset = _header.L1TableOffset.Value; offset < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            // The L1 table of a large geometry is 1 GiB of mostly nothing.
            StorageExtent extent = _storage.NextExtent(offset);
            if (extent.IsHole)
            {
                offset = Math.Min(end, Math.Max(offset + TableEntry.Size, extent.End & -TableEntry.Size));
                continue;
            }

            Span<ulong> part = entries.AsSpan(0, (int)Math.Min(entries.Length, (end - offset) / TableEntry.Size));
            _storage.ReadOrZero(offset, TableCodec.Bytes(part));
            TableCodec.Convert(part);
            int firstIndex = (int)((offset - _header.L1TableOffset.Value) / TableEntry.Size);
            for (int i = 0; i < part.Length; i++)
            {
                if (part[i] != TableEntry.Unallocated)
                    CheckL1Entry(firstIndex + i, part[i]);
            }

            offset += (long)part.Length * TableEntry.Size;
        }
    }

    private void CheckL1Entry(int index, ulong entry)
    {
        bool isInsideDisk = index < Geometry.L1EntriesFor(_header.ImageSize);
        CheckIssueKind? fault = _bounds.FaultOf(entry, Geometry.TableSize);
        if (fault is null)
        {
            var offset = new HostOffset((long)entry);
            if (_references.Add(Geometry.ClusterOf(offset), Geometry.TableSize))
                _tables.Add(new TableLocation(index, offset));
            else
                fault = CheckIssueKind.TableReferencedTwice;
        }

        if (fault is { } kind)
            Report(isInsideDisk ? kind : CheckIssueKind.EntryBeyondImageSize, entry, index, null);
        else if (!isInsideDisk)
            NoteTableBeyondEnd(entry, index);
    }

    private void NoteTableBeyondEnd(ulong entry, int index)
    {
        _beyondEnd++;
        _leaked += Geometry.TableSize;
        List(CheckIssueKind.EntryBeyondImageSize, entry, index, null);
    }

    private List<TableScanner> ScanL2(TableBatch[] batches, ProgressMeter progress, CancellationToken cancellation)
    {
        long bitmapBytes = Math.Max(1, _bounds.FileClusters / 8);
        int workers = (int)Math.Min(Math.Min(Environment.ProcessorCount, Math.Max(1, BitmapBudget / bitmapBytes)), Math.Max(1, batches.Length));
        var scanners = new List<TableScanner>();
        int next = -1;
        long done = 0;
        void Work(TableScanner scanner)
        {
            int index;
            while ((index = Interlocked.Increment(ref next)) < batches.Length)
            {
                cancellation.ThrowIfCancellationRequested();
                scanner.Check(batches[index], _maximumIssues);
                progress.ReachedAtLeast(Interlocked.Add(ref done, batches[index].Entries * (long)TableEntry.Size));
            }
        }

        // The first worker goes on with the map that has the header and the tables in it.
        for (int i = 0; i < workers; i++)
            scanners.Add(new TableScanner(_storage, _bounds, i == 0 ? _references : new ReferenceMap(_bounds.FileClusters)));
        try
        {
            RunAll(scanners, Work);
        }
        finally
        {
            scanners.ForEach(scanner => scanner.Dispose());
        }

        foreach (TableScanner scanner in scanners)
        {
            if (scanner.References != _references)
                _references.Merge(scanner.References);
            _corruptions += scanner.CorruptionCount;
            _beyondEnd += scanner.BeyondEnd;
            _leaked += scanner.BeyondEnd;
        }

        return scanners;
    }

    private static void RunAll(List<TableScanner> scanners, Action<TableScanner> work)
    {
        if (scanners.Count == 1)
        {
            work(scanners[0]);
            return;
        }

        Task[] tasks = scanners.Skip(1).Select(scanner => Task.Factory.StartNew(() => work(scanner), TaskCreationOptions.LongRunning)).ToArray();
        try
        {
            work(scanners[0]);
        }
        finally
        {
            Task.WhenAll(tasks).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Wait();
        }

        foreach (Task task in tasks)
            task.GetAwaiter().GetResult();
    }

    /// <summary>Finds who references each cluster that has more than one reference, in guest order.</summary>
    private List<Reference> ReferencesToShared(TableBatch[] batches, CancellationToken cancellation)
    {
        ClusterBitmap twice = _references.Twice!;
        HashSet<long> tableClusters = [.. _tables.SelectMany(table => Enumerable.Range(0, Geometry.TableSize)
            .Select(cluster => Geometry.ClusterOf(table.Offset).Value + cluster)).Where(cluster => twice[new ClusterIndex(cluster)])];
        var references = new List<Reference>();
        using var scanner = new TableScanner(_storage, _bounds, new ReferenceMap(0));
        foreach (TableBatch batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            scanner.ForEachData(batch, (l1Index, l2Index, entry) =>
            {
                ClusterIndex cluster = Geometry.ClusterOf(new HostOffset((long)entry));
                if (twice[cluster])
                    references.Add(new Reference(l1Index, l2Index, entry, tableClusters.Contains(cluster.Value)));
            });
        }

        references.Sort((a, b) => (a.L1Index, a.L2Index).CompareTo((b.L1Index, b.L2Index)));
        return references;
    }

    private void ReportSharedTables(List<Reference> shared)
    {
        foreach (Reference reference in shared.Where(reference => reference.IsToTable))
            Report(CheckIssueKind.TableReferencedTwice, reference.Entry, reference.L1Index, reference.L2Index);
    }

    /// <summary>All references to a cluster of data but the first are corruptions.</summary>
    private void ReportSharedData(List<Reference> shared)
    {
        var seen = new HashSet<ulong>();
        foreach (Reference reference in shared.Where(reference => !reference.IsToTable && !seen.Add(reference.Entry)))
            Report(CheckIssueKind.DataReferencedTwice, reference.Entry, reference.L1Index, reference.L2Index);
    }

    private void ListLeaks()
    {
        foreach ((ClusterIndex first, long count) in LeakedRuns.In(_references.Used, _storage.HasFixedLength))
        {
            _leaked += count;
            if (_issues.Count < _maximumIssues)
                _issues.Add(LeakedRuns.Describe(first, count, Geometry));
        }
    }

    private long TailBytes => _storage.Length - _bounds.FileEnd.Value;

    private void ListTail()
    {
        if (TailBytes > 0 && _issues.Count < _maximumIssues)
            _issues.Add(new CheckIssue { Kind = CheckIssueKind.PartOfCluster, HostOffset = _bounds.FileEnd, Clusters = 0, Repair = "Cut it off, or make it whole where an entry points at it." });
    }

    private void Report(CheckIssueKind kind, ulong entry, int l1Index, int? l2Index)
    {
        _corruptions++;
        List(kind, entry, l1Index, l2Index);
    }

    private void List(CheckIssueKind kind, ulong entry, int l1Index, int? l2Index)
    {
        if (_issues.Count < _maximumIssues)
            _issues.Add(_bounds.Describe(kind, entry, l1Index, l2Index));
    }

    /// <summary>A reference to a cluster that has more than one.</summary>
    private readonly record struct Reference(int L1Index, int L2Index, ulong Entry, bool IsToTable);
}
