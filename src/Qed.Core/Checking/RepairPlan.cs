using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>What one round of a repair does about the findings of a check, and what it leaves because it cannot be decided.</summary>
internal sealed class RepairPlan
{
    private readonly BlockStorage _storage;
    private readonly ImageChecker _check;
    private readonly ClusterMover _mover;
    private readonly Dictionary<int, HostOffset> _tables;
    private readonly ulong _invalidBecomes;
    private long _end;

    private RepairPlan(BlockStorage storage, ImageChecker check)
    {
        _storage = storage;
        _check = check;
        _mover = new ClusterMover(storage, check.Bounds.Geometry);
        _tables = check.Tables.ToDictionary(table => table.L1Index, table => table.Offset);
        // The guest had written there: what a backing file holds is older, and must not come back.
        _invalidBecomes = check.Header.HasBackingFile ? TableEntry.Zero : TableEntry.Unallocated;
        _end = check.Bounds.FileClusters;
    }

    internal List<RepairChange> Changes { get; } = [];

    internal List<CheckIssue> Left { get; } = [];

    private QedGeometry Geometry => _check.Bounds.Geometry;

    /// <summary>Decides about every finding but leaks.</summary>
    /// <param name="storage">The image.</param>
    /// <param name="check">A check of it that has run.</param>
    /// <param name="issues">What the check has found.</param>
    /// <param name="cancellation">Honoured between clusters that are looked at.</param>
    internal static RepairPlan Make(BlockStorage storage, ImageChecker check, IReadOnlyList<CheckIssue> issues, CancellationToken cancellation)
    {
        var plan = new RepairPlan(storage, check);
        HashSet<int> doubtful = plan.PlanL1(issues, cancellation);
        foreach (CheckIssue issue in issues)
        {
            // What a table says that is none decides nothing; the next round sees what its entry then points at.
            if (issue is { L1Index: int l1Index, L2Index: not null } && !doubtful.Contains(l1Index))
                plan.PlanL2(issue, l1Index);
        }

        return plan;
    }

    /// <summary>Makes the changes, durably, each in an order that a crash cannot turn into a loss.</summary>
    internal void Apply()
    {
        if (_end > _check.Bounds.FileClusters)
            _storage.SetLength(_end << Geometry.ClusterBits);
        _mover.Apply();
    }

    private HashSet<int> PlanL1(IReadOnlyList<CheckIssue> issues, CancellationToken cancellation)
    {
        List<CheckIssue> invalid = issues.Where(issue => issue is { L2Index: null, L1Index: not null } && !IsDecided(issue)).ToList();
        foreach (CheckIssue issue in issues.Where(issue => issue is { L2Index: null, L1Index: not null } && IsDecided(issue)))
            PlanDecidedL1(issue);
        List<CheckIssue> implausible = ImplausibleTables(issues);
        if (invalid.Count + implausible.Count == 0)
            return [];
        var salvager = new TableSalvager(_storage, _check);
        salvager.Match(invalid.Concat(implausible).Select(issue => issue.L1Index!.Value), cancellation);
        var repointed = new HashSet<int>();
        foreach (CheckIssue issue in invalid.Concat(implausible))
        {
            int index = issue.L1Index!.Value;
            if (salvager.Found.TryGetValue(index, out HostOffset table))
            {
                repointed.Add(index);
                Set(issue, L1Entry(index), (ulong)table.Value, $"Point L1 entry {Text(index)} at the orphaned L2 table at offset {Text(table.Value)}");
            }
            else if (implausible.Contains(issue))
            {
                continue;
            }
            else if (salvager.HasCandidates)
            {
                Left.Add(issue);
            }
            else
            {
                Set(issue, L1Entry(index), TableEntry.Unallocated, $"Clear L1 entry {Text(index)}; no L2 table is left that could be its own");
            }
        }

        return repointed;
    }

    private static bool IsDecided(CheckIssue issue) => issue.Kind is CheckIssueKind.EntryBeyondImageSize or CheckIssueKind.TableReferencedTwice;

    private void PlanDecidedL1(CheckIssue issue)
    {
        int index = issue.L1Index!.Value;
        if (issue.Kind == CheckIssueKind.EntryBeyondImageSize)
            Set(issue, L1Entry(index), TableEntry.Unallocated, $"Clear L1 entry {Text(index)}, which lies beyond the end of the disk");
        else
            Copy(issue, L1Entry(index), Geometry.TableSize, $"Give L1 entry {Text(index)} a copy of its L2 table");
    }

    /// <summary>
    /// Tables that are probably none: their clusters are somebody's data, and their entries break rules. The L1 entry was
    /// overwritten with an offset that happens to be possible.
    /// </summary>
    private List<CheckIssue> ImplausibleTables(IReadOnlyList<CheckIssue> issues)
    {
        var broken = new HashSet<int>(issues.Where(issue => issue.L2Index is not null && issue.Kind is not
            (CheckIssueKind.DataReferencedTwice or CheckIssueKind.TableReferencedTwice)).Select(issue => issue.L1Index!.Value));
        var usedAsData = new HashSet<long>(issues.Where(issue => issue is { Kind: CheckIssueKind.TableReferencedTwice, L2Index: not null })
            .Select(issue => Geometry.ClusterOf(issue.HostOffset!.Value).Value));
        return _check.Tables
            .Where(table => broken.Contains(table.L1Index) && Enumerable.Range(0, Geometry.TableSize)
                .Any(cluster => usedAsData.Contains(Geometry.ClusterOf(table.Offset).Value + cluster)))
            .Select(table => _check.Bounds.Describe(CheckIssueKind.TableReferencedTwice, (ulong)table.Offset.Value, table.L1Index, null))
            .ToList();
    }

    private void PlanL2(CheckIssue issue, int l1Index)
    {
        HostOffset entry = _tables[l1Index] + ((long)issue.L2Index!.Value * TableEntry.Size);
        string name = $"L2 entry {Text(issue.L2Index.Value)} of L1 entry {Text(l1Index)}";
        if (issue.Kind == CheckIssueKind.EntryBeyondImageSize)
            Set(issue, entry, TableEntry.Unallocated, $"Clear {name}, which lies beyond the end of the disk");
        else if (issue.Kind is CheckIssueKind.DataReferencedTwice or CheckIssueKind.TableReferencedTwice)
            Copy(issue, entry, 1, $"Give {name} a copy of its cluster");
        else
            Set(issue, entry, _invalidBecomes, _invalidBecomes == TableEntry.Zero ? $"Mark {name} as zero" : $"Clear {name}");
    }

    private void Set(CheckIssue issue, HostOffset entry, ulong value, string description)
    {
        _mover.Set(entry, value);
        Changes.Add(new RepairChange(description, issue));
    }

    private void Copy(CheckIssue issue, HostOffset entry, int clusters, string description)
    {
        _mover.Add(Geometry.ClusterOf(issue.HostOffset!.Value), new ClusterIndex(_end), clusters, entry);
        _end += clusters;
        Changes.Add(new RepairChange(description, issue));
    }

    private HostOffset L1Entry(int index) => _check.Header.L1TableOffset + ((long)index * TableEntry.Size);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
