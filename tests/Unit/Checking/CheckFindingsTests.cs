using System;
using System.Linq;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>A check names each entry that breaks a rule by kind, place and value, and counts it once.</summary>
public sealed class CheckFindingsTests : IDisposable
{
    private const int Cluster = 4096;
    private const int TableSize = 2;
    private const int Entries = 1024;
    private const long Span = (long)Entries * Cluster;
    private const int HeaderClusters = 2;
    private const int FileClusters = 40;
    // Clusters: 0-1 header, 2-3 L1, 4-5 and 6-7 L2 tables, data from 8 on.
    private const int TableA = 4;
    private const int TableB = 6;
    private const int FirstData = 8;

    private readonly TempFolder _folder = new();

    public static TheoryData<ulong, CheckIssueKind> Lies() => new()
    {
        { (FirstData * Cluster) + 8, CheckIssueKind.UnalignedEntry },
        { (1UL << 63) + 1, CheckIssueKind.UnalignedEntry },
        { FileClusters * Cluster, CheckIssueKind.EntryBeyondEndOfFile },
        { 1UL << 63, CheckIssueKind.EntryBeyondEndOfFile },
        { ulong.MaxValue - Cluster + 1, CheckIssueKind.EntryBeyondEndOfFile },
        { Cluster, CheckIssueKind.EntryInsideHeader },
        { 2 * Cluster, CheckIssueKind.EntryInsideL1Table },
        { 3 * Cluster, CheckIssueKind.EntryInsideL1Table },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lying_L2_entry_is_one_corruption(ulong lie, CheckIssueKind kind)
    {
        CheckResult check = Check(image => image.L2(TableB, 7, lie));
        ImageIssue issue = AssertOne(check, kind);
        Assert.Equal((1, 7), (issue.L1Index, issue.L2Index));
        Assert.Equal(Span + (7 * Cluster), issue.GuestOffset);
        Assert.Equal(lie <= long.MaxValue ? (long)lie : null, issue.HostOffset);
        Assert.Equal(0, check.LeakedClusters);
        Assert.Equal(FileClusters - FirstData, check.AllocatedClusters);
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lying_L1_entry_is_one_corruption(ulong lie, CheckIssueKind kind)
    {
        ImageIssue issue = AssertOne(Check(image => image.L1(2, lie)), kind);
        Assert.Equal((2, null), (issue.L1Index, issue.L2Index));
        Assert.Equal(2 * Span, issue.GuestOffset);
    }

    [Fact]
    public void An_L1_entry_whose_table_only_starts_inside_the_file_is_beyond_its_end()
        => AssertOne(Check(image => image.L1(2, image.At(FileClusters - 1))), CheckIssueKind.EntryBeyondEndOfFile);

    [Fact]
    public void An_L1_entry_whose_table_reaches_into_the_L1_table_is_inside_it()
    {
        // The only place for that is in front of an L1 table that lies behind other clusters.
        string path = _folder["image.qed"];
        Craft(_ => { });
        byte[] bytes = System.IO.File.ReadAllBytes(path).With(12, 1u);
        System.IO.File.WriteAllBytes(path, bytes.With((2 * Cluster) + 16, (ulong)Cluster));
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.Equal([CheckIssueKind.EntryInsideL1Table, CheckIssueKind.LeakedClusters], check.Issues.Select(issue => issue.Kind));
    }

    [Fact]
    public void A_cluster_referenced_by_two_entries_of_one_table_is_named_at_the_second()
    {
        ImageIssue issue = AssertOne(Check(image => image.L2(TableA, 100, image.At(FirstData))), CheckIssueKind.DataReferencedTwice);
        Assert.Equal((0, 100), (issue.L1Index, issue.L2Index));
        Assert.Equal(FirstData * Cluster, issue.HostOffset);
    }

    [Fact]
    public void A_cluster_referenced_from_two_tables_is_named_at_the_later_guest_offset()
    {
        ImageIssue issue = AssertOne(Check(image => image.L2(TableB, 3, image.At(FirstData + 2))), CheckIssueKind.DataReferencedTwice);
        Assert.Equal((1, 3), (issue.L1Index, issue.L2Index));
    }

    [Fact]
    public void An_L2_table_that_an_entry_maps_as_data_is_named_at_that_entry()
    {
        ImageIssue issue = AssertOne(Check(image => image.L2(TableA, 50, image.At(TableB + 1))), CheckIssueKind.TableReferencedTwice);
        Assert.Equal((0, 50), (issue.L1Index, issue.L2Index));
    }

    [Theory]
    [InlineData(TableA)]
    [InlineData(TableA + 1)]
    public void An_L2_table_that_two_L1_entries_share_in_whole_or_in_part_is_named_at_the_second(int cluster)
    {
        CheckResult check = Check(image => image.L1(2, image.At(cluster)));
        ImageIssue issue = check.Issues.First(found => found.L2Index is null);
        Assert.Equal((CheckIssueKind.TableReferencedTwice, 2), (issue.Kind, issue.L1Index));
        Assert.True(check.Corruptions > 0);
    }

    [Fact]
    public void Many_tables_far_apart_that_share_a_cluster_are_each_named_whichever_workers_read_them()
    {
        const int Tables = 60;
        using (var image = new CraftedImage(_folder["image.qed"], Cluster, 1, 512L * Cluster * Tables))
        {
            // A gap behind each table makes each a batch of its own.
            for (int i = 0; i < Tables; i++)
                image.L1(i, image.At(10 + (2 * i))).L2(10 + (2 * i), i, image.At(5)).L2(10 + (2 * i), 500, image.At(11 + (2 * i)));
            image.SetClusters(10 + (2 * Tables));
            // Not holes: what takes no space is free, not leaked.
            foreach (int leaked in (int[])[2, 3, 4, 6, 7, 8, 9])
                image.Fill(leaked, 1);
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = _folder["image.qed"] });
        Assert.Equal(Tables - 1, check.Corruptions);
        Assert.All(check.Issues.Take(Tables - 1), issue => Assert.Equal(CheckIssueKind.DataReferencedTwice, issue.Kind));
        Assert.Equal(Enumerable.Range(1, Tables - 1), check.Issues.Take(Tables - 1).Select(issue => issue.L1Index!.Value));
        Assert.Equal(7, check.LeakedClusters);
        Assert.Equal([(2L, 3L), (6L, 4L)], check.Issues.Skip(Tables - 1).Select(leak => (leak.HostOffset!.Value / Cluster, leak.Clusters)));
    }

    [Fact]
    public void Data_beyond_the_end_of_the_disk_is_a_leak_and_a_lie_there_a_corruption()
    {
        const long Shorter = (2 * Span) - (2 * Cluster);
        CheckResult leak = Check(image => image.L2(TableB, Entries - 1, image.At(FileClusters)).SetClusters(FileClusters + 1), Shorter);
        Assert.Equal((0, 1, 1), (leak.Corruptions, leak.LeakedClusters, leak.EntriesBeyondEnd));
        Assert.Equal(CheckIssueKind.EntryBeyondImageSize, Assert.Single(leak.Issues).Kind);
        Assert.False(leak.IsClean);

        CheckResult table = Check(image => image.L1(3, image.At(FileClusters)).SetClusters(FileClusters + TableSize), Shorter);
        Assert.Equal((0, TableSize, 1), (table.Corruptions, table.LeakedClusters, table.EntriesBeyondEnd));

        AssertOne(Check(image => image.L2(TableB, Entries - 1, 3), Shorter), CheckIssueKind.EntryBeyondImageSize);
        Assert.True(Check(image => image.L2(TableB, Entries - 1, 1), Shorter).IsClean);
    }

    [Fact]
    public void All_are_counted_although_only_some_are_listed()
    {
        CheckResult check = Check(
            image =>
            {
                for (int i = 0; i < 100; i++)
                    image.L2(TableA, 200 + i, 3);
            },
            maximumIssues: 10);
        Assert.Equal(100, check.Corruptions);
        Assert.Equal(Enumerable.Range(200, 10), check.Issues.Select(issue => issue.L2Index!.Value));
    }

    private static ImageIssue AssertOne(CheckResult check, CheckIssueKind kind)
    {
        Assert.Equal(1, check.Corruptions);
        ImageIssue issue = Assert.Single(check.Issues);
        Assert.Equal(kind, issue.Kind);
        Assert.NotEmpty(issue.Repair);
        return issue;
    }

    private CheckResult Check(Action<CraftedImage> lie, long imageSize = 3 * Span, int maximumIssues = 1000)
        => CheckImage.Run(new CheckImageOptions { Path = Craft(lie, imageSize), MaximumIssues = maximumIssues });

    /// <summary>A disk of three tables, of which two are there, sound and without leaks but for the lie.</summary>
    private string Craft(Action<CraftedImage> lie, long imageSize = 3 * Span)
    {
        using var image = new CraftedImage(_folder["image.qed"], Cluster, TableSize, imageSize, HeaderClusters);
        image.SetClusters(FileClusters).L1(0, image.At(TableA)).L1(1, image.At(TableB));
        for (int cluster = FirstData; cluster < FileClusters; cluster++)
            image.L2(cluster % 2 == 0 ? TableA : TableB, cluster, image.At(cluster));
        lie(image);
        return image.Path;
    }
}
