using System;
using System.IO;
using System.Text.Json;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>The counts of a check are exact on every geometry, also where QEMU's are not.</summary>
public sealed class CheckCountsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string ImagePath => _folder["image.qed"];

    public static TheoryData<int, int> Geometries() => new()
    {
        { 4096, 1 }, { 4096, 2 }, { 4096, 16 }, { 65536, 1 }, { 65536, 4 }, { 65536, 16 }, { 1 << 20, 1 }, { 1 << 20, 2 }, { 1 << 20, 16 },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Geometries))]
    public void Leaks_are_exact_and_a_tail_shorter_than_a_cluster_is_none(int clusterSize, int tableSize)
    {
        TestImage.Create(ImagePath, 40L * clusterSize, clusterSize, tableSize);
        TestImage.Write(ImagePath, 0, Patterns.Filled(3 * clusterSize, 1));
        TestImage.Write(ImagePath, 20L * clusterSize, Patterns.Filled(512, 2));
        AssertLeaks(0, clusterSize);

        Extend(clusterSize - 1);
        AssertLeaks(0, clusterSize);
        Extend(1);
        AssertLeaks(1, clusterSize);
        Extend((4 * clusterSize) + 1);
        AssertLeaks(5, clusterSize);

        // A reference dropped in the middle of the file leaks what lies there.
        long entry = L2EntryOf(0);
        Patch(entry, 0);
        CheckResult check = AssertLeaks(6, clusterSize);
        Assert.Equal([1L, 5L], [check.Issues[0].Clusters, check.Issues[1].Clusters]);
        Assert.Equal((0, 3), (check.Corruptions, check.AllocatedClusters));
    }

    [Theory]
    [InlineData(4096, 2)]
    [InlineData(4096, 16)]
    [InlineData(65536, 4)]
    [InlineData(1 << 20, 16)]
    public void QEMU_counts_the_same_leaks_where_its_arithmetic_holds(int clusterSize, int tableSize)
    {
        Qemu.Require();
        TestImage.Create(ImagePath, 40L * clusterSize, clusterSize, tableSize);
        TestImage.Write(ImagePath, 0, Patterns.Filled(2 * clusterSize, 1));
        Extend(7L * clusterSize);
        Assert.Equal(7, QemuCheck().GetProperty("leaks").GetInt64());
        AssertLeaks(7, clusterSize);
    }

    [Fact]
    public void A_file_beyond_sixteen_megabytes_of_small_clusters_has_no_leaks_although_QEMU_may_say_so()
    {
        const int Size = 40 << 20;
        TestImage.Create(ImagePath, Size, 4096, 2);
        using (var image = (QedImage)OpenImage.ForWriting(ImagePath))
        {
            for (int offset = 0; offset < Size; offset += 1 << 20)
                image.Write(new GuestOffset(offset), Patterns.Filled(1 << 20, 1));
        }

        CheckResult check = AssertLeaks(0, 4096);
        Assert.True(check.IsClean);
        Assert.Equal((Size / 4096, Size / 4096), (check.TotalClusters, check.AllocatedClusters));
        Extend(3 * 4096);
        AssertLeaks(3, 4096);
    }

    [Fact]
    public void Clusters_are_counted_by_what_they_are()
    {
        const int Cluster = 65536;
        // The disk ends in the middle of a cluster.
        TestImage.Create(ImagePath, (100 * Cluster) + 512, Cluster, 1);
        using (var image = (QedImage)OpenImage.ForWriting(ImagePath))
        {
            image.Write(new GuestOffset(10 * Cluster), new byte[3 * Cluster]);
            image.MarkZero(new GuestOffset(50 * Cluster), 7 * Cluster);
            image.MarkZero(new GuestOffset(100 * Cluster), 512);
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.Equal((101, 3, 8), (check.TotalClusters, check.AllocatedClusters, check.ZeroClusters));
        Assert.True(check.IsClean);
    }

    [Fact]
    public void Fragmentation_is_what_QEMU_counts()
    {
        Qemu.Require();
        const int Cluster = 4096;
        int seed = 17;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        TestImage.Create(ImagePath, 8 << 20, Cluster, 2);
        using (var image = (QedImage)OpenImage.ForWriting(ImagePath))
        {
            for (int i = 0; i < 150; i++)
                image.Write(new GuestOffset((long)random.Next(2000) * Cluster), Patterns.Filled(random.Next(1, 4) * Cluster, 1));
            image.MarkZero(new GuestOffset(2040 * Cluster), 4 * Cluster);
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        JsonElement theirs = QemuCheck();
        Assert.Equal(theirs.GetProperty("fragmented-clusters").GetInt64(), check.FragmentedClusters);
        Assert.Equal(theirs.GetProperty("allocated-clusters").GetInt64(), check.AllocatedClusters);
        Assert.Equal(theirs.GetProperty("total-clusters").GetInt64(), check.TotalClusters);
        Assert.InRange(check.FragmentedClusters, 10, check.AllocatedClusters);
    }

    [Fact]
    public void Fragmentation_shows_across_the_pieces_in_which_a_large_table_is_read()
    {
        const int Cluster = 1 << 20;
        const int EntriesInPiece = (1 << 20) / 8;
        using (var image = new CraftedImage(ImagePath, Cluster, 16, (long)Cluster * EntriesInPiece * 16))
        {
            int data = image.FirstFree + 16;
            image.L1(0, image.At(image.FirstFree)).SetClusters(data + 5);
            // Side by side across the first seam, apart across the second and across a third with an empty piece between.
            image.L2(image.FirstFree, EntriesInPiece - 1, image.At(data)).L2(image.FirstFree, EntriesInPiece, image.At(data + 1));
            image.L2(image.FirstFree, (2 * EntriesInPiece) - 1, image.At(data + 2)).L2(image.FirstFree, 2 * EntriesInPiece, image.At(data + 4));
            image.L2(image.FirstFree, 5 * EntriesInPiece, image.At(data + 3));
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.True(check.IsClean);
        Assert.Equal((5, 2), (check.AllocatedClusters, check.FragmentedClusters));
    }

    [Fact]
    public void A_check_changes_nothing()
    {
        TestImage.Create(ImagePath, 1 << 20);
        Extend(100_000);
        Patch(16, 2);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = ImagePath }).NeedsCheck);
        before.AssertUntouched();
    }

    private CheckResult AssertLeaks(long leaks, int clusterSize)
    {
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.Equal((0, leaks), (check.Corruptions, check.LeakedClusters));
        Assert.Equal(leaks == 0, check.IsClean);
        Assert.Equal(clusterSize, check.ClusterSize);
        return check;
    }

    private JsonElement QemuCheck()
    {
        using var json = JsonDocument.Parse(Qemu.Img("check", "-f", "qed", "--output=json", ImagePath).Output);
        return json.RootElement.Clone();
    }

    private void Extend(long bytes)
    {
        // Not a hole: what takes no space is free, not leaked.
        using var file = new FileStream(ImagePath, FileMode.Append);
        file.Write(new byte[bytes]);
    }

    private void Patch(long offset, byte value)
    {
        using FileStream file = File.OpenWrite(ImagePath);
        file.Position = offset;
        file.Write(new byte[] { value, 0, 0, 0, 0, 0, 0, 0 });
    }

    /// <summary>Where the L2 entry of a guest cluster of the first span lies in the file.</summary>
    private long L2EntryOf(int guestCluster)
    {
        using FileStream file = File.OpenRead(ImagePath);
        byte[] bytes = new byte[8];
        file.Position = 40;
        file.ReadExactly(bytes);
        file.Position = (long)bytes.UInt64At(0);
        file.ReadExactly(bytes);
        return (long)bytes.UInt64At(0) + (guestCluster * 8L);
    }
}
