using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>Two faults in one image: found, mended or left where there is more than one explanation, and undone.</summary>
public sealed class FaultPairTests
{
    public static TheoryData<int, int, bool, int, int> Samples() => new()
    {
        { 4096, 1, false, 300, 1 },
        { 4096, 1, true, 200, 2 },
        { 4096, 2, false, 300, 3 },
        { 4096, 2, true, 300, 4 },
        { 65536, 4, false, 15, 5 },
        { 65536, 4, true, 15, 6 },
        { 1 << 20, 2, false, 3, 7 },
    };

    [Theory]
    [MemberData(nameof(Samples))]
    public void Pairs_of_faults_are_found_and_mended_unless_there_is_more_than_one_explanation(int clusterSize, int tableSize, bool hasBacking, int pairs, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        IReadOnlyList<Fault> faults = Fault.All(clusterSize, tableSize);
        var sound = new SampleImage(clusterSize, tableSize, hasBacking);
        SortedDictionary<(int Span, int Entry), byte[]> guest = sound.ReadGuest(sound.Bytes);
        for (int i = 0; i < pairs; i++)
        {
            Fault first = faults[random.Next(faults.Count)];
            Fault second = faults[random.Next(faults.Count)];
            string name = $"seed {seed}, pair {i}: {first}, {second}";
            var broken = new SampleImage(clusterSize, tableSize, hasBacking);
            first.Plant(broken);
            second.Plant(broken);
            CorruptionMatrixTests.AssertAsExpected(broken.Bytes, name);
            bool isAmbiguous = (first.IsL1WithoutHint && second.IsL1WithoutHint) || (first.IsL1 && second.IsL1
                && (first.Shares || second.Shares || Resembles(broken, first) || Resembles(broken, second)));
            if (isAmbiguous)
            {
                broken.DoubtSpan(first.L1!.Value);
                broken.DoubtSpan(second.L1!.Value);
            }

            // The table of entry 1 is left to nobody but an L2 entry that takes it for data.
            if (new[] { first, second }.Any(fault => fault.IntoTable1) && new[] { first, second }.Any(fault => fault is { L1: 1, L2: null }))
                broken.DoubtSpan(1);
            // What is left of a table that was cut off is nobody's, or another's as well, or runs on into something else.
            if ((first.CutsTable3 && (second.IsL1 || second.AddsTail || second.CutsTable3)) || (second.CutsTable3 && first.IsL1))
            {
                broken.DoubtSpan(3);
                broken.DoubtSpan(first.CutsTable3 ? second.L1 ?? 3 : first.L1!.Value);
            }

            RepairTrial trial = RepairTrial.Run(broken.Bytes, RepairMode.All, name);
            trial.AssertGuestUnchanged(broken, guest);
            if (isAmbiguous && trial.Check.Corruptions > 0)
                AssertLeft(trial, broken, first, second);
            else
                trial.AssertClean();
            if (i % 10 == 0)
                trial.AssertSoundForQemu(trial.Check.Corruptions > 0 ? 1 : tableSize);
        }
    }

    [Theory]
    [InlineData(4096, 1)]
    [InlineData(4096, 2)]
    [InlineData(65536, 4)]
    public void Two_broken_L1_entries_whose_tables_could_be_either_s_are_left_and_listed(int clusterSize, int tableSize)
    {
        var image = new SampleImage(clusterSize, tableSize, hasBacking: false);
        SortedDictionary<(int Span, int Entry), byte[]> guest = image.ReadGuest(image.Bytes);
        // Values that are far from any offset of a table.
        image.SetL1(0, (ulong)image.Clusters(0x15555));
        image.SetL1(1, (ulong)image.Clusters(0x2aaaa) + 8);
        // Other faults are mended all the same.
        image.SetL2(3, 2, 0x7777);
        image.Doubt(3, 2);
        image.DoubtSpan(0);
        image.DoubtSpan(1);
        RepairTrial trial = RepairTrial.Run(image.Bytes, RepairMode.All, "two L1 entries");
        Assert.Equal(2, trial.Check.Corruptions);
        Assert.Equal(
            [(0, CheckIssueKind.EntryBeyondEndOfFile), (1, CheckIssueKind.UnalignedEntry)],
            trial.Check.Issues.Where(issue => issue.L1Index is not null).Select(issue => (issue.L1Index!.Value, issue.Kind)));
        Assert.Equal((2 * (tableSize + 6)) + 1, trial.Check.LeakedClusters);
        Assert.Equal("Clear L2 entry 2 of L1 entry 3", Assert.Single(trial.Changes).Description);
        trial.AssertGuestUnchanged(image, guest);
    }

    [Fact]
    public void A_broken_L1_entry_takes_the_orphaned_table_that_fits_its_part_of_the_disk()
    {
        // Entries 1 and 3 are broken; the table of 1 maps what would lie beyond the disk if it was that of 3.
        var image = new SampleImage(4096, 2, hasBacking: false);
        image.SetL2(1, image.EntriesPerTable - 1, (ulong)image.Resize(4096));
        SortedDictionary<(int Span, int Entry), byte[]> guest = image.ReadGuest(image.Bytes);
        image.SetL1(3, 0x8001);
        RepairTrial trial = RepairTrial.Run(image.Bytes, RepairMode.All, "L1 entry");
        trial.AssertClean();
        trial.AssertGuestUnchanged(image, guest);
    }

    [Fact]
    public void An_orphaned_table_that_was_hit_itself_is_salvaged_and_mended()
    {
        var image = new SampleImage(4096, 2, hasBacking: true);
        SortedDictionary<(int Span, int Entry), byte[]> guest = image.ReadGuest(image.Bytes);
        image.SetL2(1, 7, 0x1001);
        image.SetL1(1, (ulong)image.Clusters(500));
        image.Doubt(1, 7);
        RepairTrial trial = RepairTrial.Run(image.Bytes, RepairMode.All, "L1 entry and its table");
        Assert.Equal(
            [$"Point L1 entry 1 at the orphaned L2 table at offset {image.Clusters(image.Tables[1])}", "Mark L2 entry 7 of L1 entry 1 as zero"],
            trial.Changes.Take(2).Select(change => change.Description));
        trial.AssertClean();
        trial.AssertGuestUnchanged(image, guest);
    }

    /// <summary>Whether an overwritten entry happens to differ in one bit from the offset of a table that is not its own.</summary>
    private static bool Resembles(SampleImage broken, Fault fault)
        => broken.Tables.Any(table => table.Key != fault.L1 && BitOperations.PopCount(broken.L1(fault.L1!.Value) ^ (ulong)broken.Clusters(table.Value)) == 1);

    private static void AssertLeft(RepairTrial trial, SampleImage broken, Fault first, Fault second)
    {
        int[] suspects = [first.L1!.Value, second.L1!.Value];
        var after = new SampleImage(broken.ClusterSize, broken.TableSize, broken.HasBacking) { Bytes = trial.After };
        // Nothing is copied while the file would grow over what an entry leads to that is left.
        bool mayGrow = !trial.Check.Issues.Any(issue => issue is { Kind: CheckIssueKind.EntryBeyondEndOfFile, L2Index: null });
        foreach (ImageIssue issue in trial.Check.Issues.Where(issue => issue.L1Index is not null && (mayGrow || issue.Kind != CheckIssueKind.DataReferencedTwice)))
        {
            int index = issue.L1Index!.Value;
            // What a table says that may be none is left with it, as is what leads into it.
            bool isAbout = suspects.Contains(index)
                || issue.Kind == CheckIssueKind.TableReferencedTwice && suspects.Any(suspect => broken.L1(suspect) <= (ulong)issue.HostOffset!.Value
                    && (ulong)issue.HostOffset.Value < broken.L1(suspect) + (ulong)broken.Clusters(broken.TableSize));
            Assert.True(isAbout, $"{trial.Name}: left {issue}");
            if (issue.L2Index is null)
                Assert.Equal(broken.L1(index), after.L1(index));
        }
    }
}
