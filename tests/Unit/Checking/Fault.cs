using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Checking;

/// <summary>One way to break an invariant of a sound image.</summary>
/// <param name="Name">What is done, for messages.</param>
/// <param name="Plant">Does it, and notes which guest data it puts in doubt.</param>
/// <param name="Kind">What a check then finds at the entry; null where nothing is wrong with an entry.</param>
/// <param name="L1">The L1 index of the entry.</param>
/// <param name="L2">The L2 index of the entry.</param>
/// <param name="HasHint">Whether the entry still tells what was there.</param>
internal sealed record Fault(string Name, Action<SampleImage> Plant, CheckIssueKind? Kind = null, int? L1 = null, int? L2 = null, bool HasHint = false)
{
    /// <summary>The faults to plant in a geometry: all that it allows, or some where an image is slow to work with.</summary>
    internal static IReadOnlyList<Fault> Of(int clusterSize, int tableSize, bool hasBacking)
        => All(clusterSize, tableSize).Where((_, index) => clusterSize < 1 << 20 || index % 8 == (hasBacking ? 4 : 0)).ToList();

    /// <summary>All faults that a geometry allows.</summary>
    internal static IReadOnlyList<Fault> All(int clusterSize, int tableSize) =>
    [
        .. L2Faults(0, 1, clusterSize, tableSize),
        .. L2Faults(3, 7, clusterSize, tableSize),
        .. L2Faults(1, 3, clusterSize, tableSize),
        .. L1Faults(1, 0, tableSize),
        .. L1Faults(3, 1, tableSize),
        .. L1Faults(2, 1, tableSize),
        .. BeyondTheDisk(clusterSize),
        .. LeaksAndTails(tableSize),
    ];

    /// <summary>Whether it overwrites an L1 entry in a way that tells nothing about what was there.</summary>
    internal bool IsL1WithoutHint => IsL1 && !HasHint;

    /// <summary>Whether it overwrites an L1 entry of the disk.</summary>
    internal bool IsL1 => L1 is not null && Name.StartsWith("L1", StringComparison.Ordinal);

    /// <summary>Whether two L1 entries are equal afterwards.</summary>
    internal bool Shares => Name.EndsWith("shares a table", StringComparison.Ordinal);

    /// <summary>Whether an L2 entry leads to the table of L1 entry 1.</summary>
    internal bool IntoTable1 => Name.EndsWith("leads to an L2 table", StringComparison.Ordinal);

    /// <summary>Whether the file ends within the table of L1 entry 3 afterwards.</summary>
    internal bool CutsTable3 => Name.StartsWith("the file ends", StringComparison.Ordinal);

    /// <summary>Whether the file ends within a cluster afterwards.</summary>
    internal bool AddsTail => Name.StartsWith("the file has a tail", StringComparison.Ordinal);

    public override string ToString() => Name;

    /// <summary>An entry of a table, one with data or one without, is overwritten.</summary>
    private static IEnumerable<Fault> L2Faults(int span, int entry, int clusterSize, int tableSize)
    {
        Fault Overwrite(string what, CheckIssueKind kind, Func<SampleImage, ulong> value) => new(
            $"L2 entry {entry} of table {span} {what}",
            image =>
            {
                image.Doubt(span, entry);
                image.SetL2(span, entry, value(image));
            },
            kind,
            span,
            entry);
        yield return Overwrite("has reserved bits", CheckIssueKind.UnalignedEntry, image => image.L2(span, entry) + 0x200);
        yield return Overwrite("is no offset", CheckIssueKind.EntryBeyondEndOfFile, image => image.L2(span, entry) | (1UL << 63));
        yield return Overwrite("leads beyond the end of the file", CheckIssueKind.EntryBeyondEndOfFile, image => (ulong)image.Clusters(image.FileClusters + 1));
        yield return Overwrite("leads into the header", CheckIssueKind.EntryInsideHeader, _ => (ulong)clusterSize);
        yield return Overwrite("leads into the L1 table", CheckIssueKind.EntryInsideL1Table, _ => (ulong)(SampleImage.HeaderClusters * clusterSize));
        yield return Overwrite("leads to an L2 table", CheckIssueKind.TableReferencedTwice, image => (ulong)image.Clusters(image.Tables[1]));
        yield return Overwrite("leads to its own table's end", CheckIssueKind.TableReferencedTwice, image => (ulong)image.Clusters(image.Tables[span] + tableSize - 1));
        yield return Overwrite("leads to data of an earlier one", CheckIssueKind.DataReferencedTwice, image => image.L2(0, 0));
    }

    /// <summary>An L1 entry is overwritten: one whose table is orphaned by that, or one that had none.</summary>
    private static IEnumerable<Fault> L1Faults(int index, int other, int tableSize)
    {
        bool hasTable = index != 2;
        Fault Overwrite(string what, CheckIssueKind? kind, Func<SampleImage, ulong> value, bool isHint = false, bool isInDoubt = false) => new(
            $"L1 entry {index} {what}",
            image =>
            {
                if (isInDoubt)
                    image.DoubtSpan(index);
                image.SetL1(index, value(image));
            },
            kind,
            index,
            null,
            isHint && hasTable);
        yield return Overwrite("has reserved bits", CheckIssueKind.UnalignedEntry, image => image.L1(index) + 0x80, isHint: true);
        yield return Overwrite("is no offset", CheckIssueKind.EntryBeyondEndOfFile, image => image.L1(index) | (1UL << 63), isHint: true);
        yield return Overwrite("leads beyond the end of the file", CheckIssueKind.EntryBeyondEndOfFile, image => (ulong)image.Clusters(image.FileClusters + 3));
        yield return Overwrite("leads into the header", CheckIssueKind.EntryInsideHeader, image => (ulong)image.ClusterSize);
        yield return Overwrite("leads into the L1 table", CheckIssueKind.EntryInsideL1Table, image => (ulong)image.Clusters(SampleImage.HeaderClusters + tableSize - 1));
        yield return Overwrite("shares a table", null, image => image.L1(other), isInDoubt: true);
        // The clusters of an earlier span, so that they are data whatever else is wrong.
        yield return Overwrite("leads to data", null, image => image.L2(0, 2));
        if (hasTable)
            yield return Overwrite("is gone", null, _ => 0, isInDoubt: true);
        if (tableSize == 1)
            yield break;
        yield return Overwrite("leads to the last cluster", CheckIssueKind.EntryBeyondEndOfFile, image => (ulong)image.Clusters(image.FileClusters - 1));
        yield return Overwrite("leads into the middle of a table", null, image => image.L1(other) + (ulong)image.ClusterSize);
        int next = index == 1 ? 3 : 1;
        yield return Overwrite("leads to data with a table behind it", null, image => (ulong)image.Clusters(image.Tables[next] - 1));
    }

    private static IEnumerable<Fault> BeyondTheDisk(int clusterSize)
    {
        yield return new(
            "an L2 entry beyond the disk has data",
            image => image.SetL2(3, (image.EntriesPerTable / 2) + 3, (ulong)image.Resize(clusterSize)),
            CheckIssueKind.EntryBeyondImageSize,
            3);
        yield return new(
            "an L2 entry beyond the disk is wrong", image => image.SetL2(3, image.EntriesPerTable - 1, 0x7777), CheckIssueKind.EntryBeyondImageSize, 3);
        yield return new(
            "an L2 entry beyond the disk leads to data of another",
            image => image.SetL2(3, image.EntriesPerTable - 2, image.L2(1, 0)),
            CheckIssueKind.EntryBeyondImageSize,
            3);
        yield return new(
            "an L1 entry beyond the disk has a table",
            image =>
            {
                long table = image.Resize(image.Clusters(image.TableSize + 1));
                image.Bytes.AsSpan((int)table, (int)image.Clusters(image.TableSize)).Clear();
                image.Bytes.AsSpan((int)table + 80)[0] = 0;
                image.SetL1(4, (ulong)table);
                BitConverter.TryWriteBytes(image.Bytes.AsSpan((int)table + 80), (ulong)(table + image.Clusters(image.TableSize)));
            },
            CheckIssueKind.EntryBeyondImageSize,
            4);
        yield return new(
            "an L1 entry beyond the disk is wrong", image => image.SetL1(image.EntriesPerTable - 1, 0x1234567), CheckIssueKind.EntryBeyondImageSize);
        yield return new(
            "an L1 entry beyond the disk shares a table", image => image.SetL1(5, image.L1(0)), CheckIssueKind.EntryBeyondImageSize, 5);
    }

    private static IEnumerable<Fault> LeaksAndTails(int tableSize)
    {
        yield return new("clusters leak at the end", image => image.Resize(image.Clusters(3)));
        yield return new(
            "a cluster leaks in the middle",
            image =>
            {
                image.Doubt(1, 100);
                image.SetL2(1, 100, 0);
            });
        yield return new("the file has a tail", image => image.Resize(512));
        yield return new("the file has a tail that lacks a byte", image => image.Resize(image.ClusterSize - 1));
        yield return new(
            "the file has a tail that is data",
            image =>
            {
                image.Doubt(1, 8);
                if (image.Bytes.Length % image.ClusterSize == 0)
                    image.SetL2(1, 8, (ulong)image.Resize(700));
            },
            CheckIssueKind.EntryBeyondEndOfFile,
            1,
            8);
        yield return new("the file ends in the first cluster of a table", image => image.Resize(image.Clusters(image.Tables[3]) + 2048 - image.Bytes.Length), CheckIssueKind.EntryBeyondEndOfFile, 3);
        yield return new("NEED_CHECK is set", image =>
        {
            image.Bytes = (byte[])image.Bytes.Clone();
            image.Bytes[16] |= 2;
        });
        if (tableSize > 1)
            yield return new("the file ends between the clusters of a table", image => image.Resize(image.Clusters(image.Tables[3] + 1) - image.Bytes.Length), CheckIssueKind.EntryBeyondEndOfFile, 3);
    }
}
