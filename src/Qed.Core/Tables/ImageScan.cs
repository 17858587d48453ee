using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Tables;

/// <summary>
/// A pass over all tables of a QED image, which changes nothing: which clusters are referenced, by what tables, and which
/// entries break a rule. The L1 table is looked at first, then the L2 tables in file order by several workers; a second
/// pass names the entries of clusters that are referenced twice, where there are any.
/// </summary>
internal sealed class ImageScan
{
    // A bitmap each: past this much memory fewer workers share the work instead.
    private const long BitmapBudget = 48L << 20;

    // Less is read before a thread has started.
    private const long BytesWorthAThread = 1 << 20;

    // 2 GiB of bits: a petabyte at the default cluster size, and far more than a real file of small clusters has.
    private const long MaximumFileClusters = 1L << 34;

    private readonly BlockStorage _storage;
    private readonly QedHeader _header;
    private readonly ImageBounds _bounds;
    private readonly int _maximumFaults;
    private readonly List<TableFault> _faults = [];
    private readonly List<TableLocation> _tables = [];
    private readonly ReferenceMap _references;
    private List<TableScanner> _scanners = [];

    /// <param name="storage">The image.</param>
    /// <param name="maximumFaults">How many faults are listed; all are counted.</param>
    /// <param name="length">What the file may grow to while it is scanned, where it is in use; null for the length that it has.</param>
    /// <exception cref="DiskImageException">The header is not that of a QED image, or the file is too large for a scan.</exception>
    internal ImageScan(BlockStorage storage, int maximumFaults, long? length = null)
    {
        _storage = storage;
        _header = QedHeaderReader.Read(storage);
        _bounds = new ImageBounds(_header, length ?? storage.Length);
        _maximumFaults = maximumFaults;
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

    internal QedHeader Header => _header;

    internal ImageBounds Bounds => _bounds;

    /// <summary>Which clusters are in use.</summary>
    internal ReferenceMap References => _references;

    /// <summary>The valid L2 tables.</summary>
    internal IReadOnlyList<TableLocation> Tables => _tables;

    /// <summary>Entries that break a rule, as many as were to be listed, in guest order.</summary>
    internal IReadOnlyList<TableFault> Faults => _faults;

    /// <summary>How many entries break a rule that makes them a corruption.</summary>
    internal long Corruptions { get; private set; }

    /// <summary>Entries that point at clusters of the file and map guest bytes beyond the end of the disk.</summary>
    internal long EntriesBeyondEnd { get; private set; }

    /// <summary>Clusters that are referenced by such entries alone.</summary>
    internal long ClustersBeyondEnd { get; private set; }

    /// <summary>Clusters that hold data of the guest.</summary>
    internal long Allocated => _scanners.Sum(scanner => scanner.Allocated);

    /// <summary>Clusters of the guest that are marked as zero.</summary>
    internal long Zero => _scanners.Sum(scanner => scanner.Zero);

    /// <summary>Data clusters that do not lie right behind the one before them in the same table.</summary>
    internal long Fragmented
        => _scanners.Sum(scanner => scanner.Fragmented) + TableSeams.Fragmented(_scanners.Select(scanner => scanner.Seams), Geometry.ClusterSize);

    /// <summary>The runs of clusters that nothing references, in file order.</summary>
    internal IEnumerable<(ClusterIndex First, long Count)> Unreferenced => UnreferencedRuns.In(_references.Used, _storage.HasFixedLength);

    /// <summary>Bytes at the end of the file that are no whole cluster; what is left over of a block device is none of the image.</summary>
    internal long TailBytes => _storage.HasFixedLength ? 0 : _storage.Length - _bounds.FileEnd.Value;

    /// <summary>How many clusters there are up to the last one that is referenced.</summary>
    internal long UsedClusters => _references.Used.Previous(_bounds.FileClusters - 1, value: true) + 1;

    /// <summary>Reads all tables, once.</summary>
    internal void Run(ProgressMeter progress, CancellationToken cancellation)
    {
        _references.Add(new ClusterIndex(0), _header.HeaderClusters);
        _references.Add(Geometry.ClusterOf(_header.L1TableOffset), Geometry.TableSize);
        ScanL1(cancellation);
        TableBatch[] batches = TableBatch.Cut(_tables, Geometry).ToArray();
        long bytes = batches.Sum(batch => (long)batch.Entries * TableEntry.Size);
        progress.Expect(bytes);
        _scanners = ScanL2(batches, 1 + (bytes / BytesWorthAThread), progress, cancellation);
        // In the order in which a repair must know of them, for not all may be listed: first which tables are data, or it
        // mends away what is none of theirs; last what needs room, for which the file grows.
        List<Reference> shared = _references.Twice is null ? [] : ReferencesToShared(batches, cancellation);
        ReportSharedTables(shared);
        foreach (TableScanner scanner in _scanners)
            _faults.AddRange(scanner.Faults.Take(_maximumFaults - _faults.Count));
        ReportSharedData(shared);
        _faults.Sort((a, b) => (a.L1Index, a.L2Index ?? -1, a.Kind).CompareTo((b.L1Index, b.L2Index ?? -1, b.Kind)));
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
        EntriesBeyondEnd++;
        ClustersBeyondEnd += Geometry.TableSize;
        List(CheckIssueKind.EntryBeyondImageSize, entry, index, null);
    }

    private List<TableScanner> ScanL2(TableBatch[] batches, long mostWorkers, ProgressMeter progress, CancellationToken cancellation)
    {
        long bitmapBytes = Math.Max(1, _bounds.FileClusters / 8);
        mostWorkers = Math.Min(Math.Max(1, batches.Length), mostWorkers);
        int workers = (int)Math.Min(Math.Min(Environment.ProcessorCount, Math.Max(1, BitmapBudget / bitmapBytes)), mostWorkers);
        var scanners = new List<TableScanner>();
        int next = -1;
        long done = 0;
        void Work(TableScanner scanner)
        {
            int index;
            while ((index = Interlocked.Increment(ref next)) < batches.Length)
            {
                cancellation.ThrowIfCancellationRequested();
                scanner.Scan(batches[index], _maximumFaults);
                progress.ReachedAtLeast(Interlocked.Add(ref done, batches[index].Entries * (long)TableEntry.Size));
            }
        }

        // The first worker goes on with the map that has the header and the tables in it.
        for (int i = 0; i < workers; i++)
            scanners.Add(new TableScanner(_storage, _bounds, i == 0 ? _references : new ReferenceMap(_bounds.FileClusters)));
        try
        {
            Workers.Run(scanners.Count, "Qed scan", worker => Work(scanners[worker]));
        }
        finally
        {
            scanners.ForEach(scanner => scanner.Dispose());
        }

        foreach (TableScanner scanner in scanners)
        {
            if (scanner.References != _references)
                _references.Merge(scanner.References);
            Corruptions += scanner.CorruptionCount;
            EntriesBeyondEnd += scanner.BeyondEnd;
            ClustersBeyondEnd += scanner.BeyondEnd;
        }

        return scanners;
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

    private void Report(CheckIssueKind kind, ulong entry, int l1Index, int? l2Index)
    {
        Corruptions++;
        List(kind, entry, l1Index, l2Index);
    }

    private void List(CheckIssueKind kind, ulong entry, int l1Index, int? l2Index)
    {
        if (_faults.Count < _maximumFaults)
            _faults.Add(new TableFault(kind, entry, l1Index, l2Index));
    }

    /// <summary>A reference to a cluster that has more than one.</summary>
    private readonly record struct Reference(int L1Index, int L2Index, ulong Entry, bool IsToTable);
}
