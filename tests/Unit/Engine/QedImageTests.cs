using System;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>What a program may rely on that opens images itself.</summary>
public sealed class QedImageTests : IDisposable
{
    private const int Size = (1 << 20) + 512;

    private readonly TempFolder _folder = new();

    private string ImagePath => _folder["image.qed"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_open_image_says_what_it_is()
    {
        TestImage.Create(ImagePath, Size, 8192, 2);
        using QedImage image = QedImage.Open(ImagePath);
        Assert.Equal((ImagePath, "qed", Size, false), (image.Path, image.Format, image.Length, image.CanWrite));
        Assert.Equal((8192, 2), (image.Geometry.ClusterSize, image.Geometry.TableSize));
        Assert.Equal((8192L, 2, false), (image.Details.ClusterSize, image.Details.TableSize, image.Details.NeedsCheck));
        Assert.Null(image.BackingReference);
        Assert.Null(image.Backing);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(Size, 1)]
    [InlineData(Size - 511, 512)]
    [InlineData(long.MaxValue, 1)]
    public void A_range_that_leaves_the_disk_is_a_programming_error_and_touches_nothing(long offset, int length)
    {
        TestImage.Create(ImagePath, Size);
        using (QedImage image = QedImage.Open(ImagePath, new QedOpenOptions { ForWriting = true }))
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => image.Read(new GuestOffset(offset), new byte[length]));
            Assert.Throws<ArgumentOutOfRangeException>(() => image.Write(new GuestOffset(offset), new byte[length]));
            Assert.Throws<ArgumentOutOfRangeException>(() => image.WriteZeroes(new GuestOffset(offset), length));
        }

        Assert.Equal(new byte[Size], TestImage.ReadAll(ImagePath));
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = ImagePath }).AllocatedClusters);
    }

    [Fact]
    public void An_empty_range_is_legal_up_to_the_very_end()
    {
        TestImage.Create(ImagePath, Size);
        using QedImage image = QedImage.Open(ImagePath, new QedOpenOptions { ForWriting = true });
        foreach (long offset in new long[] { 0, 512, Size })
        {
            image.Read(new GuestOffset(offset), []);
            image.Write(new GuestOffset(offset), []);
            image.WriteZeroes(new GuestOffset(offset), 0);
        }
    }

    [Fact]
    public void An_image_opened_for_reading_is_not_written()
    {
        TestImage.Create(ImagePath, Size);
        Fingerprint before = Fingerprint.Of(ImagePath);
        using (QedImage image = QedImage.Open(ImagePath))
        {
            Assert.Throws<InvalidOperationException>(() => image.Write(new GuestOffset(0), new byte[1]));
            Assert.Throws<InvalidOperationException>(() => image.WriteZeroes(new GuestOffset(0), 512));
            Assert.Throws<InvalidOperationException>(image.Flush);
        }

        before.AssertUntouched();
    }

    [Fact]
    public void A_closed_image_is_not_used_and_closing_twice_is_fine()
    {
        TestImage.Create(ImagePath, Size);
        QedImage image = QedImage.Open(ImagePath, new QedOpenOptions { ForWriting = true });
        image.Write(new GuestOffset(0), new byte[] { 1 });
        image.Dispose();
        image.Dispose();
        Assert.Throws<ObjectDisposedException>(() => image.Read(new GuestOffset(0), new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => image.Write(new GuestOffset(0), new byte[1]));
        Assert.Throws<ObjectDisposedException>(image.Flush);
        Assert.Equal(1, TestImage.ReadAll(ImagePath)[0]);
    }

    [Fact]
    public void An_image_that_needs_a_check_is_not_opened_for_writing_without_one()
    {
        File.WriteAllBytes(ImagePath, TestImage.Bytes(Size).With(16, 2UL));
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.ImageCorrupt, "must be checked", () => QedImage.Open(ImagePath, new QedOpenOptions { ForWriting = true }));
        before.AssertUntouched();
        QedImage.Open(ImagePath, new QedOpenOptions { ForWriting = true, NeedCheckVerified = true }).Dispose();
        Assert.False(Describe.Of(ImagePath).NeedsCheck);
    }

    [Fact]
    public void Extents_tell_data_zeroes_and_nothing_apart_and_where_data_lies()
    {
        const int Cluster = 4096;
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(20 * Cluster, 9));
        TestImage.Create(ImagePath, Size, Cluster, 1, "base.raw", "raw");
        using (var image = (QedImage)OpenImage.ForWriting(ImagePath))
        {
            image.Write(new GuestOffset(2 * Cluster), Patterns.Filled(3 * Cluster, 1));
            image.WriteZeroes(new GuestOffset(5 * Cluster), 2 * Cluster);
        }

        using DiskImage opened = OpenImage.ForReading(ImagePath);
        Extent[] extents = opened.GetExtents(new GuestOffset(0), Size).ToArray();
        Assert.Equal([ExtentKind.Unallocated, ExtentKind.Data, ExtentKind.Zero, ExtentKind.Unallocated], extents.Select(extent => extent.Kind));
        Assert.Equal([2L * Cluster, 3 * Cluster, 2 * Cluster, Size - (7 * Cluster)], extents.Select(extent => extent.Length));
        byte[] file = File.ReadAllBytes(ImagePath);
        Assert.Equal(Patterns.Filled(3 * Cluster, 1), file.AsSpan((int)extents[1].HostOffset!.Value.Value, 3 * Cluster).ToArray());
        Assert.All(extents.Where(extent => extent.Kind != ExtentKind.Data), extent => Assert.Null(extent.HostOffset));

        // Through the chain: what the backing file has is data, behind its end there is nothing.
        ChainExtent[] behind = opened.GetChainExtents(new GuestOffset(10 * Cluster), Size - (10 * Cluster)).ToArray();
        Assert.Equal([(ExtentKind.Data, 1, 10L * Cluster), (ExtentKind.Unallocated, 0, Size - (20 * Cluster))], behind.Select(found => (found.Run.Kind, found.Depth, found.Run.Length)));
    }
}
