using System;
using System.Linq;
using System.Threading;
using Qed.Engine;
using Qed.Images;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Transfer;

/// <summary>Disks in memory, so that what is read can be counted.</summary>
public sealed class ImageComparerTests
{
    private const long TiB = 1L << 40;

    [Fact]
    public void Of_two_empty_disks_nothing_is_read()
    {
        var left = new SparseDisk(2 * TiB);
        var right = new SparseDisk(TiB);
        Assert.Null(Comparer(left, right).FirstDifference());
        Assert.Equal(0, Comparer(left, right).AllDifferences(10).Count);
        Assert.Equal(0, left.BytesRead + right.BytesRead);
    }

    [Fact]
    public void The_first_difference_ends_the_reading()
    {
        var left = new SparseDisk(TiB, (3 * 512, 512, 1), (10 << 20, 1 << 30, 2));
        Assert.Equal(new GuestOffset(3 * 512), Comparer(left, new SparseDisk(TiB)).FirstDifference());
        Assert.InRange(left.BytesRead, 512, 64 << 20);
    }

    [Fact]
    public void Of_several_differences_the_first_is_found_whoever_is_faster()
    {
        var left = new SparseDisk(TiB, Enumerable.Range(1, 64).Select(i => (i * (1L << 20), 4096, (byte)1)).ToArray());
        for (int i = 0; i < 20; i++)
            Assert.Equal(new GuestOffset(1 << 20), Comparer(left, new SparseDisk(TiB)).FirstDifference());
    }

    [Fact]
    public void A_range_over_many_chunks_is_one_range()
    {
        var left = new SparseDisk(TiB, (1 << 20, 20 << 20, 1), (TiB - 512, 512, 2));
        DifferenceList all = Comparer(left, new SparseDisk(TiB)).AllDifferences(10);
        Assert.Equal([new(new GuestOffset(1 << 20), 20 << 20), new(new GuestOffset(TiB - 512), 512)], all.Ranges);
        Assert.Equal((20 << 20) + 512, all.Bytes);
        Assert.Equal(new GuestOffset(1 << 20), all.First);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void Only_so_many_ranges_are_kept_and_all_are_counted(int maximum)
    {
        var left = new SparseDisk(1 << 30, Enumerable.Range(0, 50).Select(i => (i * 3_000_320L, 1024, (byte)1)).ToArray());
        DifferenceList all = Comparer(left, new SparseDisk(1 << 30)).AllDifferences(maximum);
        Assert.Equal(50, all.Count);
        Assert.Equal(50 * 1024, all.Bytes);
        Assert.Equal(Enumerable.Range(0, maximum).Select(i => new GuestOffset(i * 3_000_320L)), all.Ranges.Select(range => range.Offset));
        Assert.Equal(new GuestOffset(0), all.First);
    }

    [Fact]
    public void Every_second_sector_is_a_range_of_its_own_and_every_sector_is_one()
    {
        byte[] bytes = new byte[3 << 20];
        for (int i = 0; i < bytes.Length; i += 1024)
            bytes[i + 7] = 1;
        Assert.Equal(bytes.Length / 1024, Comparer(new MemoryDisk(bytes), new SparseDisk(bytes.Length)).AllDifferences(5).Count);
        for (int i = 0; i < bytes.Length; i += 512)
            bytes[i + 511] = 1;
        Assert.Equal([new(new GuestOffset(0), bytes.Length)], Comparer(new MemoryDisk(bytes), new SparseDisk(bytes.Length)).AllDifferences(5).Ranges);
    }

    [Fact]
    public void A_disk_that_ends_within_a_sector_is_compared_to_its_last_byte()
    {
        byte[] bytes = new byte[100_001];
        bytes[100_000] = 1;
        DifferenceList all = Comparer(new MemoryDisk(bytes), new SparseDisk(100_001)).AllDifferences(5);
        Assert.Equal([new(new GuestOffset(99_840), 161)], all.Ranges);
    }

    [Fact]
    public void What_two_overlays_take_from_one_file_is_read_once()
    {
        string file = typeof(ImageComparerTests).Assembly.Location;
        using var one = new SparseDisk(TiB, (1 << 20, 1 << 20, 1)) { File = file };
        using var other = new SparseDisk(TiB, (1 << 20, 1 << 20, 1)) { File = file };
        using DiskImage left = Overlay(one);
        using DiskImage right = Overlay(other, (1 << 20) + 65536);
        long copiedUp = other.BytesRead;
        var comparer = new ImageComparer(left, right, new SharedFiles(), ProgressMeter.Silent, CancellationToken.None);
        Assert.Equal([new(new GuestOffset((1 << 20) + 65536), 512)], comparer.AllDifferences(5).Ranges);
        Assert.Equal((1 << 20, copiedUp), (one.BytesRead, other.BytesRead));
    }

    [Fact]
    public void What_two_overlays_take_from_two_files_is_read()
    {
        using var one = new SparseDisk(TiB, (1 << 20, 1 << 20, 1)) { File = typeof(ImageComparerTests).Assembly.Location };
        using var other = new SparseDisk(TiB, (1 << 20, 1 << 20, 1)) { File = typeof(ImageComparer).Assembly.Location };
        using DiskImage left = Overlay(one);
        using DiskImage right = Overlay(other);
        Assert.Null(new ImageComparer(left, right, new SharedFiles(), ProgressMeter.Silent, CancellationToken.None).FirstDifference());
        Assert.Equal((1 << 20, 1 << 20), (one.BytesRead, other.BytesRead));
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        using var cancellation = new CancellationTokenSource();
        var left = new SparseDisk(TiB, (0, 1 << 30, 1)) { BeforeRead = cancellation.Cancel };
        var comparer = new ImageComparer(left, new SparseDisk(TiB), shared: null, ProgressMeter.Silent, cancellation.Token);
        Assert.Throws<OperationCanceledException>(() => comparer.AllDifferences(5));
        Assert.InRange(left.BytesRead, 1, 64 << 20);
    }

    /// <summary>A QED image that takes all from a disk but one sector, where it is told to.</summary>
    private static QedImage Overlay(SparseDisk backing, long? own = null)
    {
        var storage = new MemoryStorage(TestImage.Bytes(TiB, 65536, 4));
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        image.AttachBacking(backing);
        if (own is { } offset)
            image.Write(new GuestOffset(offset), Patterns.Filled(512, 9));
        return image;
    }

    private static ImageComparer Comparer(DiskImage left, DiskImage right)
        => new(left, right, shared: null, ProgressMeter.Silent, CancellationToken.None);
}
