using System;
using System.Linq;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>An entry that cannot be right is refused by its name; everything that other entries map still reads.</summary>
public sealed class LyingTablesTests : IDisposable
{
    private const int Cluster = 4096;
    private const int Entries = 512;
    private const int HeaderClusters = 2;
    private const int L1Cluster = 2;
    private const int Table = 3;
    private const int FirstData = 4;
    private const int FileClusters = 20;

    private readonly TempFolder _folder = new();

    public static TheoryData<string, ulong> Lies() => new()
    {
        { "unaligned", (FirstData * Cluster) + 8 },
        { "reserved bit", (FirstData * Cluster) + 2048 },
        { "at the end of the file", FileClusters * Cluster },
        { "far beyond the end", 1UL << 40 },
        { "2^63", 1UL << 63 },
        { "the last cluster below 2^63", (1UL << 63) - Cluster },
        { "the last cluster below 2^64", ulong.MaxValue - Cluster + 1 },
        { "all ones", ulong.MaxValue },
        { "into the header", Cluster },
        { "into the L1 table", L1Cluster * Cluster },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lying_L2_entry_is_named_and_its_neighbours_read(string what, ulong lie)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(what);
        string path = Craft(image => image.L2(Table, 5, lie));
        Fingerprint before = Fingerprint.Of(path);
        using (DiskImage image = OpenImage.ForReading(path))
        {
            DiskImageException error = Fails.With(ErrorKind.ImageCorrupt, "L2 entry 5 of L1 entry 0", () => Read(image, 5));
            Assert.Equal(lie, error.Value);
            Assert.Equal((Table * Cluster) + (5 * 8), error.Offset);
            AssertOthersRead(image, 5);
            Fails.With(ErrorKind.ImageCorrupt, () => image.GetExtent(new GuestOffset(5 * Cluster), Cluster));
            Assert.Equal(1, image.GetExtent(new GuestOffset(4 * Cluster), 100 * Cluster).Length / Cluster);
        }

        Fails.With(ErrorKind.ImageCorrupt, () => ConvertImage.Run(new ConvertImageOptions { Path = path, DestinationPath = _folder["out.raw"] }));
        Assert.False(System.IO.File.Exists(_folder["out.raw"]));
        before.AssertUntouched();
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lying_L2_entry_is_never_written_through(string what, ulong lie)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(what);
        string path = Craft(image => image.L2(Table, 5, lie));
        using (var image = (QedImage)OpenImage.ForWriting(path))
        {
            Fails.With(ErrorKind.ImageCorrupt, "L2 entry 5", () => image.Write(new GuestOffset(5 * Cluster), new byte[512]));
            Fails.With(ErrorKind.ImageCorrupt, "L2 entry 5", () => image.WriteZeroes(new GuestOffset(5 * Cluster), Cluster));
            image.Write(new GuestOffset(6 * Cluster), Patterns.Filled(Cluster, 99));
        }

        using DiskImage after = OpenImage.ForReading(path);
        Assert.Equal(99, Read(after, 6)[0]);
        AssertOthersRead(after, 5, 6);
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lying_L1_entry_is_named_and_other_tables_read(string what, ulong lie)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(what);
        string path = Craft(image => image.L1(1, lie));
        Fingerprint before = Fingerprint.Of(path);
        using (DiskImage image = OpenImage.ForReading(path))
        {
            DiskImageException error = Fails.With(ErrorKind.ImageCorrupt, "L1 entry 1 ", () => Read(image, Entries));
            Assert.Equal(lie, error.Value);
            Assert.Equal((L1Cluster * Cluster) + 8, error.Offset);
            AssertOthersRead(image);
            Assert.Equal(new byte[Cluster], Read(image, 2 * Entries));
        }

        before.AssertUntouched();
        using var writable = (QedImage)OpenImage.ForWriting(path);
        Fails.With(ErrorKind.ImageCorrupt, "L1 entry 1 ", () => writable.Write(new GuestOffset(Entries * Cluster), new byte[512]));
        writable.Write(new GuestOffset(2L * Entries * Cluster), Patterns.Filled(Cluster, 5));
    }

    [Fact]
    public void A_run_of_clusters_that_leaves_the_file_reads_up_to_the_end()
    {
        string path = Craft(image =>
        {
            for (int i = 0; i < 4; i++)
                image.L2(Table, 20 + i, image.At(FileClusters - 2 + i));
            image.Fill(FileClusters - 2, 77).Fill(FileClusters - 1, 78);
        });
        using DiskImage image = OpenImage.ForReading(path);
        byte[] two = new byte[2 * Cluster];
        image.Read(new GuestOffset(20 * Cluster), two);
        Assert.Equal((77, 78), (two[0], two[Cluster]));
        Assert.Equal(2 * Cluster, image.GetExtent(new GuestOffset(20 * Cluster), 4 * Cluster).Length);
        Fails.With(ErrorKind.ImageCorrupt, "L2 entry 22 of L1 entry 0", () => image.Read(new GuestOffset(20 * Cluster), new byte[4 * Cluster]));
    }

    [Fact]
    public void A_data_cluster_that_is_cut_off_by_the_end_of_the_file_is_corrupt()
    {
        string path = Craft(image => image.L2(Table, 5, image.At(FileClusters)).SetClusters(FileClusters, tail: 1000));
        using (DiskImage image = OpenImage.ForReading(path))
        {
            Fails.With(ErrorKind.ImageCorrupt, "cut off", () => Read(image, 5));
            AssertOthersRead(image, 5);
        }

        Fails.With(ErrorKind.ImageCorrupt, () => OpenImage.ForWriting(path).Dispose());
    }

    [Fact]
    public void An_L2_table_that_is_cut_off_by_the_end_of_the_file_is_corrupt()
    {
        string path = Craft(image => image.L1(1, image.At(FileClusters)).SetClusters(FileClusters, tail: 4000));
        using DiskImage image = OpenImage.ForReading(path);
        Fails.With(ErrorKind.ImageCorrupt, "L2 table is cut off", () => Read(image, Entries));
        AssertOthersRead(image);
    }

    [Fact]
    public void A_shrunken_disk_whose_tables_are_corrupt_is_not_cut()
    {
        string path = Craft(image => image.L2(Table, 5, 3));
        Fingerprint before = Fingerprint.Of(path);
        Fails.With(ErrorKind.ImageCorrupt, "1 corruptions", () => ResizeImage.Run(new ResizeImageOptions { Path = path, Size = Cluster, AllowShrink = true }));
        before.AssertUntouched();
    }

    /// <summary>Three tables' worth of disk; the first table maps its first ten clusters to data that is numbered from 1.</summary>
    private string Craft(Action<CraftedImage> lie)
    {
        using var image = new CraftedImage(_folder["image.qed"], Cluster, 1, 3L * Entries * Cluster, HeaderClusters);
        image.SetClusters(FileClusters).L1(0, image.At(Table));
        for (int i = 0; i < 10; i++)
            image.L2(Table, i, image.At(FirstData + i)).Fill(FirstData + i, (byte)(i + 1));
        lie(image);
        return image.Path;
    }

    private static byte[] Read(DiskImage image, int cluster)
    {
        byte[] bytes = new byte[Cluster];
        image.Read(new GuestOffset((long)cluster * Cluster), bytes);
        return bytes;
    }

    private static void AssertOthersRead(DiskImage image, params int[] except)
    {
        foreach (int cluster in Enumerable.Range(0, 10).Except(except))
            Assert.Equal(Patterns.Filled(Cluster, (byte)(cluster + 1)), Read(image, cluster));
        Assert.Equal(new byte[Cluster], Read(image, 100));
    }
}
