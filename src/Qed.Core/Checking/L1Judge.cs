using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Checking;

/// <summary>
/// Decides what becomes of L1 entries that are not right: invalid ones, ones that share a table in whole or in part, and
/// ones that lead to what is no table. It looks at what a check would find if they were empty.
/// </summary>
internal sealed class L1Judge
{
    // So many bad entries, and few others, are what data looks like when it is read as a table.
    private const int LeastGarbage = 32;

    // Each costs a few checks of the image; more of them are the work of someone who wants them to.
    private const int MostConflicts = 16;

    private readonly BlockStorage _storage;
    private readonly ImageScan _check;
    private readonly IReadOnlyList<ImageIssue> _issues;
    private readonly CancellationToken _cancellation;
    private readonly TableReader _reader;
    private readonly List<L1Verdict> _verdicts = [];

    private L1Judge(BlockStorage storage, ImageScan check, IReadOnlyList<ImageIssue> issues, CancellationToken cancellation)
    {
        _storage = storage;
        _check = check;
        _issues = issues;
        _cancellation = cancellation;
        _reader = new TableReader(storage, check.Header);
    }

    private QedGeometry Geometry => _check.Bounds.Geometry;

    /// <param name="storage">The image.</param>
    /// <param name="check">A scan of it that has run.</param>
    /// <param name="issues">What the check has found.</param>
    /// <param name="cancellation">Honoured between clusters that are looked at.</param>
    internal static IReadOnlyList<L1Verdict> Judge(BlockStorage storage, ImageScan check, IReadOnlyList<ImageIssue> issues, CancellationToken cancellation)
    {
        var judge = new L1Judge(storage, check, issues, cancellation);
        judge.Judge();
        return judge._verdicts;
    }

    private void Judge()
    {
        List<ImageIssue> faulty = _issues
            .Where(issue => issue is { L1Index: int index, L2Index: null } && index < Geometry.L1EntriesFor(_check.Header.ImageSize))
            .ToList();
        List<ImageIssue> shared = faulty.Where(issue => issue.Kind == CheckIssueKind.TableReferencedTwice).ToList();
        List<Doubt> doubts = faulty.Except(shared).Select(issue => new Doubt(issue, issue.L1Index!.Value, IsWeak: false, Table: null)).ToList();
        doubts.AddRange(DoubtfulTables());
        bool mustWait = JudgeShared(shared, doubts);
        // What is only odd comes last: an orphaned table belongs to an entry that is wrong, where there is one.
        bool areAllWeak = doubts.TrueForAll(doubt => doubt.IsWeak);
        if (!mustWait)
            JudgeDoubts(doubts.Where(doubt => doubt.IsWeak == areAllWeak).ToList(), shared);
        _verdicts.AddRange(doubts.Where(doubt => mustWait || doubt.IsWeak != areAllWeak).Select(doubt => new L1Verdict(doubt.Issue, doubt.Index, L1Remedy.Wait)));
    }

    /// <summary>Tables that are probably none: an L1 entry was overwritten with an offset that happens to be possible.</summary>
    private IEnumerable<Doubt> DoubtfulTables()
    {
        var usedAsData = new HashSet<long>();
        var evidence = new Dictionary<int, ImageIssue>();
        foreach (ImageIssue issue in _issues)
        {
            if (issue is not { L1Index: int l1Index, L2Index: int l2Index } || _check.Bounds.EntriesInsideDisk(l1Index, l2Index, 1) == 0)
                continue;
            if (issue.Kind == CheckIssueKind.TableReferencedTwice)
                usedAsData.Add(Geometry.ClusterOf(issue.Place()).Value);
            else if (issue.Kind != CheckIssueKind.DataReferencedTwice && !evidence.ContainsKey(l1Index))
                evidence.Add(l1Index, issue);
        }

        foreach (TableLocation table in _check.Tables.Where(table => _check.Bounds.EntriesInsideDisk(table.L1Index, 0, 1) > 0))
        {
            long first = Geometry.ClusterOf(table.Offset).Value;
            bool isData = Enumerable.Range(0, Geometry.TableSize).Any(cluster => usedAsData.Contains(first + cluster));
            if (!isData && !evidence.ContainsKey(table.L1Index))
                continue;
            (int sound, int bad) = _reader.Count(table.Offset, entry => _check.Bounds.FaultOf(entry, 1) is null);
            bool isGarbage = bad >= LeastGarbage && bad > 4 * sound;
            if (!isGarbage && !(isData && bad >= sound))
                continue;
            ImageIssue issue = isData ? FirstInto(first) : evidence[table.L1Index];
            yield return new Doubt(issue, table.L1Index, IsWeak: !isGarbage, table.Offset);
        }
    }

    private ImageIssue FirstInto(long table) => _issues.First(issue => issue is { L2Index: not null, HostOffset: not null, Kind: CheckIssueKind.TableReferencedTwice }
        && Geometry.ClusterOf(issue.Place()).Value >= table && Geometry.ClusterOf(issue.Place()).Value < table + Geometry.TableSize);

    /// <param name="doubts">The entries, and what shows that they are wrong.</param>
    /// <param name="copied">Entries that get a copy of what they lead to; that is no orphan, though what it overlaps may be.</param>
    private void JudgeDoubts(List<Doubt> doubts, List<ImageIssue> copied)
    {
        if (doubts.Count == 0)
            return;
        TableSalvager salvager = Salvage(doubts.Select(doubt => doubt.Index).Concat(copied.Select(issue => issue.L1Index!.Value)), out ImageScan without);
        salvager.Exclude(copied.Select(issue => issue.Place()));
        List<Doubt> cutOff = doubts.Where(doubt => IsCutOff(doubt.Issue, without, salvager)).ToList();
        _verdicts.AddRange(cutOff.Select(doubt => new L1Verdict(doubt.Issue, doubt.Index, L1Remedy.Extend)));
        List<Doubt> open = doubts.Except(cutOff).ToList();
        salvager.Match(Values(open.Select(doubt => doubt.Index)));
        foreach (Doubt doubt in open)
        {
            if (salvager.Found.TryGetValue(doubt.Index, out TableSalvager.Candidate? found))
                _verdicts.Add(new L1Verdict(doubt.Issue, doubt.Index, L1Remedy.Repoint, found.Offset));
            else if (salvager.HasCandidates)
                _verdicts.Add(new L1Verdict(doubt.Issue, doubt.Index, L1Remedy.Leave));
            else if (doubt.Table is not { } table || (!doubt.IsWeak && !MapsAnyOfItsOwn(table, without)))
                _verdicts.Add(new L1Verdict(doubt.Issue, doubt.Index, L1Remedy.Clear));
        }
    }

    /// <summary>Whether a table is worth mending: some of it leads to clusters that are nobody else's.</summary>
    private bool MapsAnyOfItsOwn(HostOffset table, ImageScan without)
        => _reader.Count(table, entry => without.Bounds.FaultOf(entry, 1) is null
            && !without.References.Used[Geometry.ClusterOf(new HostOffset((long)entry))]).Sound > 0;

    /// <summary>
    /// Whether the file ends within the entry's table: what is there of it looks like one, and is nobody else's. That an
    /// entry leads beyond the end is otherwise a mere sign of its being wrong.
    /// </summary>
    private bool IsCutOff(ImageIssue issue, ImageScan without, TableSalvager salvager)
    {
        if (issue is not { Kind: CheckIssueKind.EntryBeyondEndOfFile, L2Index: null, HostOffset: { } offset } || offset >= _storage.Length || _storage.HasFixedLength)
            return false;
        HostOffset start = issue.Place();
        ClusterBitmap used = without.References.Used;
        if (used.Next(Geometry.ClusterOf(start).Value, value: true) < used.Count)
            return false;
        // What its entries point at may be cut off as well.
        (int sound, int bad) = _reader.Count(start, entry => without.Bounds.FaultOf(entry, 1) switch
        {
            null => !used[Geometry.ClusterOf(new HostOffset((long)entry))],
            CheckIssueKind.EntryBeyondEndOfFile => entry <= long.MaxValue,
            _ => false,
        });
        return sound > bad && !salvager.HasBetterThan(start, sound);
    }

    /// <returns>Whether the others have to wait, since the orphans that are left depend on what is done.</returns>
    private bool JudgeShared(List<ImageIssue> shared, List<Doubt> doubts)
    {
        bool mustWait = false;
        foreach (ImageIssue issue in shared)
        {
            List<TableLocation> others = shared.Count > MostConflicts ? [] : Overlapping(issue.Place());
            L1Verdict verdict = mustWait || others.Count == 0
                ? new L1Verdict(issue, issue.L1Index!.Value, mustWait ? L1Remedy.Wait : L1Remedy.Copy)
                : JudgeConflict(issue, others, doubts);
            mustWait |= verdict.Remedy == L1Remedy.Repoint;
            _verdicts.Add(verdict);
        }

        return mustWait;
    }

    /// <summary>
    /// Of tables that overlap in part at most one is right. The wrong entry is the one that leaves fewer faults than the
    /// others if it is empty; where that also leaves a whole orphaned table, it is its own.
    /// </summary>
    private L1Verdict JudgeConflict(ImageIssue issue, List<TableLocation> others, List<Doubt> doubts)
    {
        int[] claimants = [.. others.Select(other => other.L1Index), issue.L1Index!.Value];
        int[] elsewhere = [.. doubts.Select(doubt => doubt.Index).Except(claimants)];
        var options = new List<(long Corruptions, int Index, HostOffset? Table, bool HasOrphans)>();
        foreach (int index in claimants)
        {
            TableSalvager salvager = Salvage([.. elsewhere, index], out ImageScan without);
            // The others may have a better claim to an orphan.
            salvager.Match(Values([.. elsewhere, index]));
            bool isFound = salvager.Found.TryGetValue(index, out TableSalvager.Candidate? found) && found.Offset.Value != (long)_reader.L1Entry(index);
            options.Add((without.Corruptions, index, isFound ? found!.Offset : null, salvager.HasCandidates));
        }

        options.Sort((a, b) => a.Corruptions.CompareTo(b.Corruptions));
        bool isDecided = options[0].Corruptions < options[1].Corruptions;
        if (isDecided && options[0].Table is { } table)
            return new L1Verdict(issue, options[0].Index, L1Remedy.Repoint, table);
        // On a block device the copy would lie where its own table, among those that nobody can tell apart, may be.
        bool mustLeave = isDecided && options[0].HasOrphans && _storage.HasFixedLength;
        return new L1Verdict(issue, issue.L1Index!.Value, mustLeave ? L1Remedy.Leave : L1Remedy.Copy);
    }

    private List<TableLocation> Overlapping(HostOffset table)
        => _check.Tables.Where(other => other.Offset != table && Math.Abs(other.Offset - table) < Geometry.TableBytes).ToList();

    /// <summary>Looks for orphaned tables, as if some L1 entries were empty.</summary>
    private TableSalvager Salvage(IEnumerable<int> emptied, out ImageScan without)
    {
        using var overlay = new OverlayStorage(_storage);
        foreach (int index in emptied)
            overlay.Write(_reader.OffsetOfL1Entry(index).Value, new byte[TableEntry.Size]);
        without = new ImageScan(overlay, maximumFaults: 0);
        without.Run(ProgressMeter.Silent, _cancellation);
        return new TableSalvager(overlay, without, _cancellation);
    }

    private (int Index, ulong Entry)[] Values(IEnumerable<int> indexes) => indexes.Select(index => (index, _reader.L1Entry(index))).ToArray();

    /// <param name="Issue">The finding that shows it.</param>
    /// <param name="Index">An L1 entry.</param>
    /// <param name="IsWeak">Whether its table is only odd, and might be right.</param>
    /// <param name="Table">What it leads to; null where that can be no table.</param>
    private sealed record Doubt(ImageIssue Issue, int Index, bool IsWeak, HostOffset? Table);
}
