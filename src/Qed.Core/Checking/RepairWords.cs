using Qed.Layout;
using Qed.Tables;
using static Qed.Invariant;

namespace Qed.Checking;

/// <summary>
/// What a repair would do, or has done, in words: of a finding whose entry is known by its place, or of a change in a
/// list, which names the entry. No sentence ends with a period here.
/// </summary>
internal static class RepairWords
{
    internal const string Reclaim = "Reclaim the space";

    internal const string CutOrExtend = "Cut it off, or make it whole where an entry points at it";

    internal const string ClearNeedCheck = "Clear the NEED_CHECK mark";

    private const string TheEntry = "the entry";

    internal static string NameOf(int l1Index) => $"L1 entry {Text(l1Index)}";

    internal static string NameOf(int l1Index, int l2Index) => $"L2 entry {Text(l2Index)} of {NameOf(l1Index)}";

    /// <summary>What would be done about a fault. Which of an L1 entry's remedies it is only a repair finds out, by trying.</summary>
    internal static string For(TableFault fault, QedHeader header) => (fault.Kind, IsL1: fault.L2Index is null) switch
    {
        (CheckIssueKind.EntryBeyondImageSize, _) => ClearBeyondEnd(TheEntry),
        (CheckIssueKind.TableReferencedTwice, true) => $"{CopyTable(TheEntry)}, or the orphaned L2 table that it must have had",
        (_, true) => "Point the entry at an orphaned L2 table where one alone fits, clear it where none does, else leave it",
        (CheckIssueKind.DataReferencedTwice or CheckIssueKind.TableReferencedTwice, _) => CopyCluster(TheEntry),
        _ => Empty(TheEntry, header),
    };

    /// <summary>An entry that leads nowhere. The guest had written there: what a backing file holds is older, and must not come back.</summary>
    internal static string Empty(string entry, QedHeader header) => header.HasBackingFile ? $"Mark {entry} as zero" : $"Clear {entry}";

    internal static string ClearBeyondEnd(string entry) => $"Clear {entry}, which lies beyond the end of the disk";

    internal static string ClearLost(string entry) => $"Clear {entry}; no L2 table is left that could be its own";

    internal static string CopyCluster(string entry) => $"Give {entry} a copy of its cluster";

    internal static string CopyTable(string entry) => $"Give {entry} a copy of its L2 table";

    internal static string Repoint(string entry, long table) => $"Point {entry} at the orphaned L2 table at offset {Text(table)}";

    /// <param name="missing">Bytes.</param>
    /// <param name="what">Of what they are missing, with its article.</param>
    internal static string Extend(long missing, string what) => $"Extend the file by {Text(missing)} bytes of zeroes, which are missing of {what} at its end";

    internal static string CutTail(long bytes)
        => $"Cut off {Text(bytes)} bytes at the end of the file, which are no whole cluster and which nothing references";

    internal static string Reclaimed(long clusters) => $"Reclaim {Text(clusters)} leaked clusters: move others down into the gaps and cut the file";
}
