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
/// Finds L2 tables that nothing points at any more, and the broken L1 entry that each belongs to, where that can be told:
/// such a table maps 2 GiB of a default image, which clearing the entry would lose.
/// </summary>
internal sealed class TableSalvager
{
    // A table may have been hit as well: this many sound entries make up for a bad one.
    private const int SoundForOneBad = 4;

    private readonly ImageScan _check;
    private readonly TableReader _reader;
    private readonly List<Candidate> _candidates = [];
    private readonly bool _mayBeOfOthers;

    /// <param name="storage">The image.</param>
    /// <param name="check">A scan of it that has run as if the broken L1 entries were empty.</param>
    /// <param name="cancellation">Honoured between clusters.</param>
    internal TableSalvager(BlockStorage storage, ImageScan check, CancellationToken cancellation)
    {
        _check = check;
        _reader = new TableReader(storage, check.Header);
        // An image that lay on a block device before has left its tables there.
        _mayBeOfOthers = storage.HasFixedLength;
        FindCandidates(cancellation);
    }

    /// <summary>The table of each entry that could be told.</summary>
    internal Dictionary<int, Candidate> Found { get; } = [];

    /// <summary>Whether anything looks like an orphaned table, so that clearing an entry could lose one.</summary>
    internal bool HasCandidates => _candidates.Count > 0;

    private QedGeometry Geometry => _check.Bounds.Geometry;

    /// <summary>Takes back that some tables are orphans.</summary>
    internal void Exclude(IEnumerable<HostOffset> tables)
    {
        foreach (HostOffset table in tables)
            _candidates.RemoveAll(candidate => candidate.Offset == table);
    }

    /// <summary>Looks for the tables of broken L1 entries.</summary>
    /// <param name="broken">Their indexes, and the values that they have.</param>
    internal void Match(IEnumerable<(int Index, ulong Entry)> broken)
    {
        List<(int Index, ulong Entry)> open = broken.ToList();
        // An entry that differs from an offset in its reserved bits alone, or else in one bit, was that offset.
        MatchAlike(open, difference => (difference & ~(ulong)(Geometry.ClusterSize - 1)) == 0);
        MatchAlike(open, difference => (difference & (difference - 1)) == 0);
        List<Candidate> free = _candidates.Where(IsFree).OrderByDescending(candidate => candidate.Explains).ToList();
        // Of several that overlap, the one that accounts for more of the unreferenced clusters.
        bool isUnambiguous = open.Count == 1 && free.Count > 0 && !_mayBeOfOthers
            && free.Skip(1).All(other => Overlap(free[0], other) && other.Explains < free[0].Explains);
        if (isUnambiguous && FitsInto(free[0], open[0].Index))
            Found.Add(open[0].Index, free[0]);
    }

    /// <summary>Whether something that looks like a table overlaps another place, and accounts for more.</summary>
    internal bool HasBetterThan(HostOffset table, int explains)
        => _candidates.Exists(candidate => Math.Abs(candidate.Offset - table) < Geometry.TableBytes && candidate.Explains > explains);

    private void MatchAlike(List<(int Index, ulong Entry)> open, Func<ulong, bool> isAlike)
    {
        List<(int Index, Candidate Table)> claims = open
            .Select(broken => (broken.Index, Tables: _candidates.Where(candidate => IsFree(candidate)
                && isAlike(broken.Entry ^ (ulong)candidate.Offset.Value) && FitsInto(candidate, broken.Index)).ToList()))
            .Where(claim => claim.Tables.Count == 1)
            .Select(claim => (claim.Index, claim.Tables[0]))
            .ToList();
        foreach ((int index, Candidate table) in claims.Where(claim => claims.Count(other => Overlap(claim.Table, other.Table)) == 1))
        {
            Found.Add(index, table);
            open.RemoveAll(broken => broken.Index == index);
        }
    }

    private bool IsFree(Candidate candidate) => !Found.Values.Any(taken => Overlap(taken, candidate));

    private bool Overlap(Candidate left, Candidate right) => Math.Abs(left.Offset - right.Offset) < Geometry.TableBytes;

    private void FindCandidates(CancellationToken cancellation)
    {
        foreach ((ClusterIndex first, long count) in UnreferencedRuns.In(_check.References.Used, endsBeforeFile: false))
        {
            int plausible = 0;
            for (long cluster = first.Value; cluster < first.Value + count; cluster++)
            {
                cancellation.ThrowIfCancellationRequested();
                plausible = LooksLikeTable(cluster) ? plausible + 1 : 0;
                if (plausible >= Geometry.TableSize)
                    AddIfTable(cluster - Geometry.TableSize + 1);
            }
        }
    }

    /// <summary>Whether the first bytes of a cluster could be entries: enough to rule out nearly all that is data.</summary>
    private bool LooksLikeTable(long cluster)
    {
        Span<ulong> entries = stackalloc ulong[QedGeometry.MinimumClusterSize / TableEntry.Size];
        _reader.Read(Geometry.OffsetOf(new ClusterIndex(cluster)), entries);
        int sound = 0;
        int bad = 0;
        foreach (ulong entry in entries)
        {
            if (TableEntry.IsOffset(entry))
                (sound, bad) = IsUnreferenced(entry) ? (sound + 1, bad) : (sound, bad + 1);
        }

        // Part of a table may hold little but what was hit.
        return bad <= Math.Max(SoundForOneBad, sound / SoundForOneBad);
    }

    private bool IsUnreferenced(ulong entry)
        => _check.Bounds.FaultOf(entry, 1) is null && !_check.References.Used[Geometry.ClusterOf(new HostOffset((long)entry))];

    /// <summary>A table has entries, and nearly all lead to clusters that nobody else references, each once, none to itself.</summary>
    private void AddIfTable(long cluster)
    {
        HostOffset table = Geometry.OffsetOf(new ClusterIndex(cluster));
        var seen = new HashSet<ulong>();
        (int sound, int bad) = _reader.Count(table, entry =>
        {
            bool isOwn = entry >= (ulong)table.Value && entry < (ulong)table.Value + (ulong)Geometry.TableBytes;
            return !isOwn && IsUnreferenced(entry) && seen.Add(entry);
        });
        if (sound > 0 && bad <= sound / SoundForOneBad)
            _candidates.Add(new Candidate(table, sound));
    }

    /// <summary>Whether a table maps next to nothing beyond the end of the disk if an L1 entry points at it.</summary>
    private bool FitsInto(Candidate candidate, int l1Index)
    {
        int inside = _check.Bounds.EntriesInsideDisk(l1Index, 0, Geometry.EntriesPerTable);
        int outside = 0;
        return inside == Geometry.EntriesPerTable || _reader.ForEach(
            candidate.Offset,
            (index, entry) => index < inside || !TableEntry.IsOffset(entry) || ++outside <= candidate.Explains / SoundForOneBad);
    }

    /// <param name="Offset">Where something lies that looks like a table.</param>
    /// <param name="Explains">How many clusters it maps that nothing else references.</param>
    internal sealed record Candidate(HostOffset Offset, int Explains);
}
