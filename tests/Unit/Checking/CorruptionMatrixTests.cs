using System.Collections.Generic;
using System.Linq;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>Each way to break an invariant, planted in sound images of several geometries: found, mended and undone.</summary>
public sealed class CorruptionMatrixTests
{
    public static TheoryData<int, int, bool> Images()
    {
        var images = new TheoryData<int, int, bool>();
        foreach ((int clusterSize, int tableSize) in SampleImage.Geometries)
        {
            images.Add(clusterSize, tableSize, false);
            images.Add(clusterSize, tableSize, true);
        }

        return images;
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void The_images_that_faults_are_planted_in_are_sound(int clusterSize, int tableSize, bool hasBacking)
    {
        var sound = new SampleImage(clusterSize, tableSize, hasBacking);
        CheckResult check = RepairTrial.CheckOf(sound.Bytes);
        Assert.True(check.IsClean);
        Assert.Equal((18, 6), (check.AllocatedClusters, check.ZeroClusters));
        RepairTrial trial = RepairTrial.Run(sound.Bytes, RepairMode.All, "sound");
        Assert.Empty(trial.Changes);
        Qemu.Require();
        trial.AssertSoundForQemu(tableSize);
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void Every_planted_fault_is_found_and_nothing_else_is(int clusterSize, int tableSize, bool hasBacking)
    {
        foreach (Fault fault in Fault.Of(clusterSize, tableSize, hasBacking))
        {
            SampleImage broken = Plant(fault, clusterSize, tableSize, hasBacking);
            List<Finding> found = AssertAsExpected(broken.Bytes, fault.Name);
            Assert.True(
                fault.Kind is null || found.Exists(finding => finding.Kind == fault.Kind && (fault.L1 ?? finding.L1) == finding.L1 && (fault.L2 ?? finding.L2) == finding.L2),
                $"{fault}: not found as such");
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void Every_planted_fault_is_mended_so_that_QEMU_agrees_and_what_was_not_in_doubt_reads_as_before(int clusterSize, int tableSize, bool hasBacking)
    {
        Qemu.Require();
        var sound = new SampleImage(clusterSize, tableSize, hasBacking);
        SortedDictionary<(int Span, int Entry), byte[]> guest = sound.ReadGuest(sound.Bytes);
        foreach (Fault fault in Fault.Of(clusterSize, tableSize, hasBacking))
        {
            SampleImage broken = Plant(fault, clusterSize, tableSize, hasBacking);
            RepairTrial trial = RepairTrial.Run(broken.Bytes, RepairMode.All, fault.Name);
            Assert.NotEmpty(trial.Changes);
            trial.AssertClean();
            trial.AssertGuestUnchanged(broken, guest);
            trial.AssertSoundForQemu(tableSize);
            Assert.Empty(AssertAsExpected(trial.After, fault.Name));
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void Reclaiming_leaks_leaves_an_image_with_other_faults_alone(int clusterSize, int tableSize, bool hasBacking)
    {
        foreach (Fault fault in Fault.Of(clusterSize, tableSize, hasBacking))
        {
            SampleImage broken = Plant(fault, clusterSize, tableSize, hasBacking);
            bool isCorrupt = RepairTrial.CheckOf(broken.Bytes).Corruptions > 0;
            RepairTrial trial = RepairTrial.Run(broken.Bytes, RepairMode.Leaks, fault.Name);
            if (isCorrupt)
                Assert.Empty(trial.Changes);
            else
                trial.AssertClean();
        }
    }

    [Theory]
    [InlineData(4096, 2, false)]
    [InlineData(65536, 1, true)]
    public void On_a_block_device_every_planted_fault_is_mended_or_left_where_only_the_leavings_of_others_would_tell(int clusterSize, int tableSize, bool hasBacking)
    {
        var sound = new SampleImage(clusterSize, tableSize, hasBacking);
        SortedDictionary<(int Span, int Entry), byte[]> guest = sound.ReadGuest(sound.Bytes);
        int left = 0;
        // There the end of the file is nowhere, so that nothing leads beyond it.
        foreach (Fault fault in Fault.All(clusterSize, tableSize).Where(fault => !fault.CutsTable3 && !fault.AddsTail && !fault.Name.Contains("the last cluster", System.StringComparison.Ordinal)
            && !fault.Name.Contains("beyond the end of the file", System.StringComparison.Ordinal) && !fault.Name.Contains("tail", System.StringComparison.Ordinal)))
        {
            SampleImage broken = Plant(fault, clusterSize, tableSize, hasBacking);
            byte[] device = StaleDevice.Bytes(broken.Bytes, broken.Bytes.Length + (32 * clusterSize) + 512);
            RepairTrial trial = RepairTrial.Run(device, RepairMode.All, fault.Name, onDevice: true);
            if (trial.Check.Corruptions == 0)
            {
                trial.AssertClean();
                trial.AssertGuestUnchanged(broken, guest);
                continue;
            }

            Assert.True(fault.IsL1WithoutHint && fault.L1 != 2, $"{fault}: {string.Join('\n', trial.Check.Issues)}");
            left++;
        }

        Assert.InRange(left, 1, 12);
    }

    [Fact]
    public void What_a_repair_clears_lets_no_backing_file_show_through()
    {
        var sound = new SampleImage(4096, 2, hasBacking: true);
        sound.SetL2(1, 2, 0x123);
        RepairTrial trial = RepairTrial.Run(sound.Bytes, RepairMode.All, "L2 entry");
        Assert.All(sound.ReadGuest(trial.After)[(1, 2)], each => Assert.Equal(0, each));
    }

    [Fact]
    public void A_table_of_more_bad_entries_than_one_round_mends_does_no_harm_to_the_data_that_it_is()
    {
        // Half a million entries that are none, and the entry of the data behind them.
        var image = new SampleImage(1 << 20, 4, hasBacking: false);
        long data = image.Resize(image.Clusters(4));
        image.SetL2(3, 3, (ulong)data);
        SortedDictionary<(int Span, int Entry), byte[]> guest = image.ReadGuest(image.Bytes);
        image.SetL1(1, (ulong)data);
        RepairTrial trial = RepairTrial.Run(image.Bytes, RepairMode.All, "L1 entry that leads to data");
        Assert.InRange(trial.Found.Corruptions, 1 << 18, 1 << 20);
        trial.AssertClean();
        trial.AssertGuestUnchanged(image, guest);
    }

    [Fact]
    public void An_L1_entry_without_a_table_that_leads_to_data_is_empty_afterwards_and_the_data_is_whole()
    {
        var image = new SampleImage(65536, 4, hasBacking: true);
        SortedDictionary<(int Span, int Entry), byte[]> guest = image.ReadGuest(image.Bytes);
        image.SetL1(2, image.L2(3, 0));
        RepairTrial trial = RepairTrial.Run(image.Bytes, RepairMode.All, "L1 entry that had no table");
        Assert.Equal("Clear L1 entry 2; no L2 table is left that could be its own", Assert.Single(trial.Changes).Description);
        trial.AssertClean();
        trial.AssertGuestUnchanged(image, guest);
    }

    internal static List<Finding> AssertAsExpected(byte[] bytes, string name)
    {
        CheckResult check = RepairTrial.CheckOf(bytes);
        List<Finding> expected = ExpectedFindings.In(bytes);
        List<Finding> found = check.Issues.Select(Finding.Of).ToList();
        // Several findings about one entry come in any order.
        found = [.. found.Where(finding => finding.L1 is not null).Order(), .. found.Where(finding => finding.L1 is null)];
        Assert.True(
            expected.SequenceEqual(found),
            $"{name}: missing\n{string.Join('\n', expected.Except(found).Take(10))}\ntoo many\n{string.Join('\n', found.Except(expected).Take(10))}");
        return found;
    }

    private static SampleImage Plant(Fault fault, int clusterSize, int tableSize, bool hasBacking)
    {
        var broken = new SampleImage(clusterSize, tableSize, hasBacking);
        fault.Plant(broken);
        return broken;
    }
}
