using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Compaction;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Checking;

/// <summary>
/// What one round of a repair does about the findings of a check; what cannot be decided safely is not among it. A round
/// changes entries, or extends the file, or makes copies: the file never grows over what a wrong entry leads to, which
/// would turn into something that looks right.
/// </summary>
internal sealed class RepairPlan
{
    private readonly BlockStorage _storage;
    private readonly ImageScan _check;
    private readonly TableReader _reader;
    private readonly Dictionary<int, HostOffset> _tables;
    private readonly HashSet<long> _usedAsData = [];
    private readonly HashSet<HostOffset> _changed = [];
    private readonly ulong _invalidBecomes;
    private readonly long _length;
    // Where copies go: behind all that is, or on a block device behind all that is in use.
    private readonly long _firstFree;
    private List<Step> _steps = [];

    private RepairPlan(BlockStorage storage, ImageScan check, IReadOnlyList<ImageIssue> issues)
    {
        _storage = storage;
        _check = check;
        _reader = new TableReader(storage, check.Header);
        _tables = check.Tables.ToDictionary(table => table.L1Index, table => table.Offset);
        foreach (ImageIssue issue in issues.Where(issue => issue.Kind == CheckIssueKind.TableReferencedTwice))
            NoteData(issue.Place(), isTable: issue.L2Index is null);
        _invalidBecomes = check.Header.HasBackingFile ? TableEntry.Zero : TableEntry.Unallocated;
        _length = storage.Length;
        // A part of a cluster at the end is never overwritten: it may be all that is left of it.
        _firstFree = storage.HasFixedLength ? check.UsedClusters : Geometry.ClustersToHold(new ByteCount(_length));
    }

    private enum Stage
    {
        /// <summary>Wrong L1 entries change, before any other table could become an orphan that is taken for theirs.</summary>
        L1Entries,

        /// <summary>Other entries change, and lead to nothing new.</summary>
        Entries,

        /// <summary>The file becomes longer by what is missing of its end.</summary>
        Length,

        /// <summary>Tables are copied to the end: what they map is known only once they can be read.</summary>
        Tables,

        /// <summary>Data is copied to the end; then entries change that lie in what was data as well.</summary>
        Data,
    }

    internal IEnumerable<RepairChange> Changes => _steps.Select(step => step.Change);

    internal bool IsEmpty => _steps.Count == 0;

    private QedGeometry Geometry => _check.Bounds.Geometry;

    /// <summary>Decides about findings other than leaks.</summary>
    /// <param name="storage">The image.</param>
    /// <param name="check">A scan of it that has run.</param>
    /// <param name="issues">What the check has found.</param>
    /// <param name="cancellation">Honoured between clusters that are looked at.</param>
    internal static RepairPlan Make(BlockStorage storage, ImageScan check, IReadOnlyList<ImageIssue> issues, CancellationToken cancellation)
    {
        var plan = new RepairPlan(storage, check, issues);
        IReadOnlyList<L1Verdict> verdicts = L1Judge.Judge(storage, check, issues, cancellation);
        foreach (L1Verdict verdict in verdicts)
            plan.Add(verdict);
        HashSet<int> doubtful = [.. verdicts.Select(verdict => verdict.Index)];
        HashSet<long> noTables = plan.ClustersOfTables(doubtful);
        foreach (ImageIssue issue in issues)
            plan.Add(issue, doubtful, noTables);
        // On a block device nothing keeps copies apart from an orphaned table that could not be told to be anybody's.
        if (storage.HasFixedLength && verdicts.Any(verdict => verdict.Remedy == L1Remedy.Leave))
            plan._steps.RemoveAll(step => step.Clusters > 0);
        plan.ChooseStage(issues);
        return plan;
    }

    /// <summary>Makes the changes, durably, each in an order that a crash cannot turn into a loss.</summary>
    /// <param name="progress">Told how far the copying is.</param>
    /// <param name="cancellation">Honoured while clusters are copied, when no entry has changed yet.</param>
    internal void Apply(IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        if (IsEmpty)
            return;
        if (_steps[0].Stage > Stage.Entries)
            _storage.SetLength(EndOf(_steps) << Geometry.ClusterBits);
        var meter = new ProgressMeter(progress, "Copying shared clusters", _steps.Sum(step => (long)step.Clusters) << Geometry.ClusterBits);
        var mover = new ClusterMover(_storage, Geometry, meter.ReachedAtLeast);
        long end = _firstFree;
        foreach (Step step in _steps.Where(step => step.Entry is not null))
        {
            if (step.Clusters == 0)
            {
                mover.Set(step.Entry!.Value, step.Value);
                continue;
            }

            mover.Add(Geometry.ClusterOf(step.Change.Issue!.Place()), new ClusterIndex(end), step.Clusters, step.Entry!.Value);
            end += step.Clusters;
        }

        mover.Apply(cancellation);
        _storage.Flush();
    }

    /// <summary>The clusters that the file has after some steps.</summary>
    private long EndOf(List<Step> steps)
    {
        long end = _firstFree + steps.Sum(step => step.Clusters);
        return steps.Aggregate(end, (current, step) => Math.Max(current, step.End));
    }

    /// <summary>Keeps the steps of the first stage that has any, unless the file would grow over what is left beyond its end.</summary>
    private void ChooseStage(IReadOnlyList<ImageIssue> issues)
    {
        if (IsEmpty)
            return;
        Stage stage = _steps.Min(step => step.Stage);
        _steps = _steps.Where(step => step.Stage == stage).ToList();
        if (stage <= Stage.Entries)
            return;
        long end = EndOf(_steps) << Geometry.ClusterBits;
        var mended = new HashSet<ImageIssue>(_steps.Select(step => step.Change.Issue!));
        bool coversOthers = issues.Any(issue => issue is { Kind: CheckIssueKind.EntryBeyondEndOfFile, HostOffset: { } start }
            && start < end && !mended.Contains(issue));
        if (coversOthers)
            _steps = [];
    }

    /// <summary>Notes clusters of tables that are data to somebody: to an entry, or to those of a table that the check has not read.</summary>
    private void NoteData(HostOffset offset, bool isTable)
    {
        if (!isTable)
        {
            _usedAsData.Add(Geometry.ClusterOf(offset).Value);
            return;
        }

        _reader.ForEach(offset, (_, entry) =>
        {
            if (TableEntry.IsOffset(entry) && _check.Bounds.FaultOf(entry, 1) is null)
                _usedAsData.Add(Geometry.ClusterOf(new HostOffset((long)entry)).Value);
            return true;
        });
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
        string name = RepairWords.NameOf(verdict.Index);
        switch (verdict.Remedy)
        {
            case L1Remedy.Clear:
                Set(verdict.Issue, entry, TableEntry.Unallocated, RepairWords.ClearLost(name), isL1Verdict: true);
                break;
            case L1Remedy.Repoint:
                Set(verdict.Issue, entry, (ulong)verdict.Table.Value, RepairWords.Repoint(name, verdict.Table.Value), isL1Verdict: true);
                break;
            case L1Remedy.Copy:
                Copy(verdict.Issue, entry, Geometry.TableSize, RepairWords.CopyTable(name));
                break;
            case L1Remedy.Extend:
                Extend(verdict.Issue, Geometry.TableSize, "an L2 table");
                break;
        }
    }

    private void Add(ImageIssue issue, HashSet<int> doubtful, HashSet<long> noTables)
    {
        if (issue.L1Index is not { } l1Index || doubtful.Contains(l1Index))
            return;
        if (_check.Bounds.EntriesInsideDisk(l1Index, 0, 1) == 0)
        {
            if (issue.L2Index is null)
                Set(issue, _reader.OffsetOfL1Entry(l1Index), TableEntry.Unallocated, RepairWords.ClearBeyondEnd(RepairWords.NameOf(l1Index)));
            return;
        }

        // An entry that leads to what may be no table may be right; the next round sees what became of that.
        bool isWaiting = issue is { Kind: CheckIssueKind.TableReferencedTwice, HostOffset: not null } && noTables.Contains(Geometry.ClusterOf(issue.Place()).Value);
        if (issue.L2Index is { } l2Index && !isWaiting)
            AddL2(issue, l1Index, l2Index);
    }

    private void AddL2(ImageIssue issue, int l1Index, int l2Index)
    {
        HostOffset entry = _tables[l1Index] + ((long)l2Index * TableEntry.Size);
        string name = RepairWords.NameOf(l1Index, l2Index);
        if (_check.Bounds.EntriesInsideDisk(l1Index, l2Index, 1) == 0)
            Set(issue, entry, TableEntry.Unallocated, RepairWords.ClearBeyondEnd(name));
        else if (issue.Kind is CheckIssueKind.DataReferencedTwice or CheckIssueKind.TableReferencedTwice)
            Copy(issue, entry, 1, RepairWords.CopyCluster(name));
        else if (issue is { Kind: CheckIssueKind.EntryBeyondEndOfFile, HostOffset: { } start } && start < _length && !_storage.HasFixedLength)
            Extend(issue, 1, "a data cluster");
        else
            Set(issue, entry, _invalidBecomes, RepairWords.Empty(name, _check.Header));
    }

    private void Extend(ImageIssue issue, int clusters, string what)
    {
        long end = Geometry.ClusterOf(issue.Place()).Value + clusters;
        long missing = (end << Geometry.ClusterBits) - _length;
        var change = new RepairChange(RepairWords.Extend(missing, what), issue);
        _steps.Add(new Step(Stage.Length, change) { End = end });
    }

    private void Set(ImageIssue issue, HostOffset entry, ulong value, string description, bool isL1Verdict = false)
    {
        // An entry can break several rules; the one that is listed first decides.
        if (!_changed.Add(entry))
            return;
        // What is data to somebody else is not touched before that has its copy.
        Stage stage = isL1Verdict ? Stage.L1Entries : _usedAsData.Contains(Geometry.ClusterOf(entry).Value) ? Stage.Data : Stage.Entries;
        _steps.Add(new Step(stage, new RepairChange(description, issue)) { Entry = entry, Value = value });
    }

    private void Copy(ImageIssue issue, HostOffset entry, int clusters, string description)
    {
        if (_changed.Add(entry))
            _steps.Add(new Step(issue.L2Index is null ? Stage.Tables : Stage.Data, new RepairChange(description, issue)) { Entry = entry, Clusters = clusters });
    }

    private sealed record Step(Stage Stage, RepairChange Change)
    {
        /// <summary>Where the entry lies that is changed.</summary>
        internal HostOffset? Entry { get; init; }

        /// <summary>What it becomes, where nothing is copied.</summary>
        internal ulong Value { get; init; }

        /// <summary>How many clusters are copied.</summary>
        internal int Clusters { get; init; }

        /// <summary>How many clusters the file has at least.</summary>
        internal long End { get; init; }
    }
}
