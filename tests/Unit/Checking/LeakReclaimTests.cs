using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>Reclaiming leaks leaves a file of exactly the clusters in use, whatever lies where, and the guest's data as it was.</summary>
public sealed class LeakReclaimTests
{
    public static TheoryData<int, int, int> Layouts()
    {
        var layouts = new TheoryData<int, int, int>();
        (int ClusterSize, int TableSize, int Count)[] geometries = [(4096, 1, 4), (4096, 2, 6), (4096, 4, 10), (4096, 16, 6), (16384, 8, 3), (65536, 4, 2)];
        int seed = 900;
        foreach ((int clusterSize, int tableSize, int count) in geometries)
        {
            for (int i = 0; i < count; i++)
                layouts.Add(clusterSize, tableSize, seed++);
        }

        return layouts;
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_file_of_tables_data_and_gaps_in_any_order_ends_with_no_gap(int clusterSize, int tableSize, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var scattered = new ScatteredImage(clusterSize, tableSize, new Random(seed), dataClusters: 40, gapClusters: 25, tables: 6);
        CheckResult check = RepairTrial.CheckOf(scattered.Bytes);
        Assert.Equal((0, scattered.Gaps), (check.Corruptions, check.LeakedClusters));
        RepairTrial trial = RepairTrial.Run(scattered.Bytes, RepairMode.Leaks, $"seed {seed}");
        trial.AssertClean();
        Assert.Equal(scattered.Bytes.Length - ((long)scattered.Gaps * clusterSize), trial.After.Length);
        scattered.AssertSameGuest(trial.After);
        trial.AssertSoundForQemu(tableSize);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    public void Tables_at_the_end_move_into_gaps_that_are_too_narrow_for_them(int tableSize)
    {
        // Single clusters of data with single gaps between, then nothing but tables.
        List<char> order = [.. Enumerable.Repeat("d-", 12).SelectMany(pair => pair), .. "TTTT"];
        var scattered = new ScatteredImage(4096, tableSize, order, new Random(1));
        RepairTrial trial = RepairTrial.Run(scattered.Bytes, RepairMode.Leaks, "narrow gaps");
        trial.AssertClean();
        Assert.Equal(scattered.Bytes.Length - (12 * 4096), trial.After.Length);
        scattered.AssertSameGuest(trial.After);
        trial.AssertSoundForQemu(tableSize);
    }

    [Theory]
    [InlineData("-dTd-T")]
    [InlineData("-T")]
    [InlineData("T-T")]
    [InlineData("d-T-T--Td")]
    [InlineData("--TTTTd-----d")]
    [InlineData("d-dTTTT-")]
    public void Data_that_moves_together_with_its_own_table_is_found_in_the_new_place(string order)
    {
        foreach (int tableSize in new[] { 1, 2, 4, 8 })
        {
            var scattered = new ScatteredImage(4096, tableSize, [.. order], new Random(tableSize));
            RepairTrial trial = RepairTrial.Run(scattered.Bytes, RepairMode.Leaks, $"{order}, table size {tableSize}");
            trial.AssertClean();
            scattered.AssertSameGuest(trial.After);
        }
    }

    [Theory]
    [InlineData("dT-dTd")]
    [InlineData("TTdd")]
    [InlineData("T--d-Td")]
    [InlineData("T-d")]
    [InlineData("T")]
    [InlineData("TT")]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("d-dTTTT-")]
    public void A_gap_in_front_of_the_L1_table_takes_data_or_the_L1_table_itself(string order)
    {
        foreach (int tableSize in new[] { 1, 2, 4, 16 })
        {
            foreach (int before in new[] { 1, 2, 3, tableSize, tableSize + 3, (2 * tableSize) + 1 })
            {
                string name = $"{order}, {before} clusters before an L1 table of {tableSize}";
                var scattered = new ScatteredImage(4096, tableSize, [.. order], new Random(2), clustersBeforeL1: before);
                Assert.True(RepairTrial.CheckOf(scattered.Bytes).LeakedClusters >= before, name);
                RepairTrial trial = RepairTrial.Run(scattered.Bytes, RepairMode.Leaks, name);
                trial.AssertClean();
                Assert.Equal(0, trial.Check.LeakedClusters);
                scattered.AssertSameGuest(trial.After);
            }
        }
    }

    [Fact]
    public void A_disk_shrinks_although_its_L1_table_moves_beneath_the_open_image()
    {
        var scattered = new ScatteredImage(4096, 4, [.. "-TdTd"], new Random(4), clustersBeforeL1: 6);
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["image.qed"], scattered.Bytes);
        long size = Describe.Of(folder["image.qed"]).Size;
        byte[] before = new byte[1 << 20];
        using (DiskImage image = OpenImage.ForReading(folder["image.qed"]))
            image.Read(new GuestOffset(0), before);
        ResizeImage.Run(new ResizeImageOptions { Path = folder["image.qed"], Size = size - 4096, AllowShrink = true });
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = folder["image.qed"] });
        Assert.True(check.IsClean && !check.NeedsCheck, string.Join("; ", check.Issues));
        byte[] after = new byte[1 << 20];
        using (DiskImage image = OpenImage.ForReading(folder["image.qed"]))
            image.Read(new GuestOffset(0), after);
        Assert.Equal(before, after);
        Qemu.AssertSound(folder["image.qed"]);
    }

    [Fact]
    public void Entries_that_a_shrink_has_left_beyond_the_disk_are_cleared_and_what_they_held_is_reclaimed()
    {
        var image = new SampleImage(4096, 2, hasBacking: false);
        SortedDictionary<(int Span, int Entry), byte[]> guest = image.ReadGuest(image.Bytes);
        // The disk shrinks to half of its second span.
        byte[] shrunk = ((byte[])image.Bytes.Clone()).With(48, (ulong)(image.Span + image.Clusters(3)));
        CheckResult check = RepairTrial.CheckOf(shrunk);
        Assert.Equal((0, 10), (check.Corruptions, check.EntriesBeyondEnd));
        RepairTrial trial = RepairTrial.Run(shrunk, RepairMode.Leaks, "shrink");
        trial.AssertClean();
        Assert.Equal(0, trial.Check.EntriesBeyondEnd);
        // Header, L1 table, two tables, and six and three clusters of data.
        Assert.Equal(image.Clusters(2 + 2 + 4 + 9), trial.After.Length);
        byte[] grown = ((byte[])trial.After.Clone()).With(48, (ulong)image.DiskSize);
        SortedDictionary<(int Span, int Entry), byte[]> left = image.ReadGuest(grown);
        Assert.All(left.Keys.Where(place => place is { Span: 0 } or { Span: 1, Entry: < 3 }), place => Assert.Equal(guest[place], left[place]));
        Assert.All(left.Keys.Where(place => place.Span == 3), place => Assert.All(left[place], each => Assert.Equal(0, each)));
    }
}
