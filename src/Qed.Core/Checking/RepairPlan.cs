using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>What one round of a repair does about the findings of a check; what cannot be decided safely is not among it.</summary>
internal sealed class RepairPlan
{
    private readonly BlockStorage _storage;
    private readonly ImageChecker _check;
    private readonly ClusterMover _mover;
    private readonly TableReader _reader;
    private readonly Dictionary<int, HostOffset> _tables;
    private readonly HashSet<HostOffset> _changed = [];
    private readonly ulong _invalidBecomes;
    private readonly long _length;
    private long _end;
    private bool _grows;

    private RepairPlan(BlockStorage storage, ImageChecker check)
    {
        _storage = storage;
        _check = check;
        _mover = new ClusterMover(storage, check.Bounds.Geometry);
        _reader = new TableReader(storage, check.Header);
        _tables = check.Tables.ToDictionary(table => table.L1Index, table => table.Offset);
        // The guest had written there: what a backing file holds is older, and must not come back.
        _invalidBecomes = check.Header.HasBackingFile ? TableEntry.Zero : TableEntry.Unallocated;
        _length = storage.Length;
        // A part of a cluster at the end may be all that is left of one: it is never overwritten.
        _end = Geometry.ClustersToHold(new ByteCount(_length));
    }

    internal List<RepairChange> Changes { get; } = [];

    private QedGeometry Geometry => _check.Bounds.Geometry;

    /// <summary>Decides about every finding but leaks.</summary>
    /// <param name="storage">The image.</param>
    /// <param name="check">A check of it that has run.</param>
    /// <param name="issues">What the check has found.</param>
    /// <param name="cancellation">Honoured between clusters that are looked at.</param>
    internal static RepairPlan Make(BlockStorage storage, ImageChecker check, IReadOnlyList<CheckIssue> issues, CancellationToken cancellation)
    {
        var plan = new RepairPlan(storage, check);
        IReadOnlyList<L1Verdict> verdicts = L1Judge.Judge(storage, check, issues, cancellation);
        foreach (L1Verdict verdict in verdicts.Where(verdict => verdict.Remedy == L1Remedy.Extend))
            plan.ExtendTo(verdict.Issue, check.Bounds.Geometry.ClusterOf(verdict.Issue.HostOffset!.Value).Value + check.Bounds.Geometry.TableSize);
        foreach (L1Verdict verdict in verdicts)
            plan.Add(verdict);
        HashSet<int> doubtful = [.. verdicts.Select(verdict => verdict.Index)];
        HashSet<long> noTables = plan.ClustersOfTables(doubtful);
        foreach (CheckIssue issue in issues)
            plan.Add(issue, doubtful, noTables);
        return plan;
    }

    /// <summary>Makes the changes, durably, each in an order that a crash cannot turn into a loss.</summary>
    /// <param name="cancellation">Honoured while clusters are copied, when no entry has changed yet.</param>
    internal void Apply(CancellationToken cancellation)
    {
        if (Changes.Count == 0)
            return;
        if (_grows)
            _storage.SetLength(_end << Geometry.ClusterBits);
        _mover.Apply(cancellation);
        _storage.Flush();
    }

    private HashSet<long> ClustersOfTables(IEnumerable<int> l1Indexes)
    {
        var clusters = new HashSet<long>();
        foreach (int index in l1Indexes)
        {
            for (int i = 0; _tables.TryGetValue(index, out HostOffset table) && i < Geometry.TableSize; i++)
                clusters.Add(Geometry.ClusterOf(table).Value + i);
        }

        return clusters;
    }

    private void Add(L1Verdict verdict)
    {
        HostOffset entry = _reader.OffsetOfL1Entry(verdict.Index);
        string name = $"L1 entry {Text(verdict.Index)}";
        switch (verdict.Remedy)
        {
            case L1Remedy.Clear:
                Set(verdict.Issue, entry, TableEntry.Unallocated, $"Clear {name}; no L2 table is left that could be its own");
                break;
            case L1Remedy.Repoint:
                Set(verdict.Issue, entry, (ulong)verdict.Table.Value, $"Point {name} at the orphaned L2 table at offset {Text(verdict.Table.Value)}");
                break;
            case L1Remedy.Copy:
                Copy(verdict.Issue, entry, Geometry.TableSize, $"Give {name} a copy of its L2 table");
                break;
        }
    }

    private void Add(CheckIssue issue, HashSet<int> doubtful, HashSet<long> noTables)
    {
        if (issue.L1Index is not { } l1Index || doubtful.Contains(l1Index))
            return;
        if (_check.Bounds.EntriesInsideDisk(l1Index, 0, 1) == 0)
        {
            if (issue.L2Index is null)
                Set(issue, _reader.OffsetOfL1Entry(l1Index), TableEntry.Unallocated, $"Clear L1 entry {Text(l1Index)}, which lies beyond the end of the disk");
            return;
        }

        // An entry that leads to what may be no table may be right; the next round sees what became of that.
        bool isWaiting = issue is { Kind: CheckIssueKind.TableReferencedTwice, HostOffset: { } offset } && noTables.Contains(Geometry.ClusterOf(offset).Value);
        if (issue.L2Index is { } l2Index && !isWaiting)
            AddL2(issue, l1Index, l2Index);
    }

    private void AddL2(CheckIssue issue, int l1Index, int l2Index)
    {
        HostOffset entry = _tables[l1Index] + ((long)l2Index * TableEntry.Size);
        string name = $"L2 entry {Text(l2Index)} of L1 entry {Text(l1Index)}";
        if (_check.Bounds.EntriesInsideDisk(l1Index, l2Index, 1) == 0)
            Set(issue, entry, TableEntry.Unallocated, $"Clear {name}, which lies beyond the end of the disk");
        else if (issue.Kind is CheckIssueKind.DataReferencedTwice or CheckIssueKind.TableReferencedTwice)
            Copy(issue, entry, 1, $"Give {name} a copy of its cluster");
        else if (issue is { Kind: CheckIssueKind.EntryBeyondEndOfFile, HostOffset: { } start } && start.Value < _length)
            ExtendTo(issue, Geometry.ClusterOf(start).Value + 1);
        else
            Set(issue, entry, _invalidBecomes, _invalidBecomes == TableEntry.Zero ? $"Mark {name} as zero" : $"Clear {name}");
    }

    private void ExtendTo(CheckIssue issue, long clusters)
    {
        _grows = true;
        _end = System.Math.Max(_end, clusters);
        long missing = (clusters << Geometry.ClusterBits) - _length;
        string what = issue.L2Index is null ? "an L2 table" : "a data cluster";
        Changes.Add(new RepairChange($"Extend the file by {Text(missing)} bytes of zeroes, which are missing of {what} at its end", issue));
    }

    private void Set(CheckIssue issue, HostOffset entry, ulong value, string description)
    {
        // An entry can break several rules; the one that is listed first decides.
        if (!_changed.Add(entry))
            return;
        _mover.Set(entry, value);
        Changes.Add(new RepairChange(description, issue));
    }

    private void Copy(CheckIssue issue, HostOffset entry, int clusters, string description)
    {
        if (!_changed.Add(entry))
            return;
        _mover.Add(Geometry.ClusterOf(issue.HostOffset!.Value), new ClusterIndex(_end), clusters, entry);
        _end += clusters;
        _grows = true;
        Changes.Add(new RepairChange(description, issue));
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
