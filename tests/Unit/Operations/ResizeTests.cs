using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Microsoft.Extensions.Logging;
using Qed.Engine;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>Growing shows zeroes and nothing else; shrinking needs a word, gives space back and forgets.</summary>
public sealed class ResizeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string ImagePath => _folder["image.qed"];

    public static TheoryData<int, int> Geometries() => new()
    {
        { 4096, 1 }, { 4096, 2 }, { 4096, 16 }, { 8192, 4 }, { 65536, 1 }, { 65536, 4 }, { 65536, 16 }, { 1 << 20, 1 }, { 1 << 20, 4 }, { 1 << 20, 16 },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Geometries))]
    public void Shrinking_keeps_the_start_growing_again_shows_zeroes_and_QEMU_finds_it_sound(int clusterSize, int tableSize)
    {
        // One cluster more than a table maps where that is small, so that tables come and go.
        long span = QedGeometry.TryCreate(clusterSize, tableSize)!.L2Span;
        int size = (int)Math.Min(span + clusterSize, 6 << 20) + 512;
        byte[] data = Patterns.Random(size, clusterSize + tableSize);
        TestImage.Create(ImagePath, size, clusterSize, tableSize);
        TestImage.Write(ImagePath, 0, data);
        foreach (int smaller in new[] { size - 512, (size / 2) & -512, clusterSize, 512 })
        {
            long before = new FileInfo(ImagePath).Length;
            Resize(smaller, allowShrink: true);
            AssertSound(tableSize);
            Assert.Equal(data[..smaller], TestImage.ReadAll(ImagePath));
            Assert.InRange(new FileInfo(ImagePath).Length, 0, before);
            Resize(size);
            AssertSound(tableSize);
            data.AsSpan(smaller).Clear();
            Assert.Equal(data, TestImage.ReadAll(ImagePath));
        }

        // Header, L1 table, one L2 table and one data cluster are all that is left.
        Assert.Equal((long)clusterSize * (2 + (2 * tableSize)), new FileInfo(ImagePath).Length);
    }

    [Theory]
    [MemberData(nameof(Geometries))]
    public void Growing_to_the_largest_size_and_back_works_on_each_geometry(int clusterSize, int tableSize)
    {
        TestImage.Create(ImagePath, 1 << 20, clusterSize, tableSize);
        TestImage.Write(ImagePath, 0, Patterns.Filled(1 << 20, 7));
        long largest = Describe.Of(ImagePath).MaximumSize!.Value;
        Resize(largest);
        TestImage.Write(ImagePath, largest - 1000, Patterns.Filled(1000, 8));
        AssertSound(tableSize);
        DiskImageException error = Fails.With(ErrorKind.InvalidSize, "A conversion with larger clusters", () => Resize(largest + 512));
        Assert.Contains(Qemu.Text(largest), error.Message, StringComparison.Ordinal);
        Resize(1 << 20, allowShrink: true);
        AssertSound(tableSize);
        Assert.Equal(Patterns.Filled(1 << 20, 7), TestImage.ReadAll(ImagePath));
    }

    [Fact]
    public void A_disk_is_never_resized_to_nothing()
    {
        TestImage.Create(ImagePath, 1 << 20);
        byte[] before = File.ReadAllBytes(ImagePath);
        DiskImageException error = Fails.With(ErrorKind.InvalidSize, "0 bytes", () => Resize(0, allowShrink: true));
        Assert.Contains("512", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(ImagePath));
        Assert.Equal(512, ResizeImage.Run(new ResizeImageOptions { Path = ImagePath }).After.Size);
    }

    [Fact]
    public void The_largest_disk_of_the_largest_geometry_is_written_at_its_end_and_shrunk()
    {
        const int Cluster = 1 << 26;
        const long Largest = long.MaxValue - (1L << 30) + 1;
        TestImage.Create(ImagePath, Largest, Cluster, 16);
        using (var image = (QedImage)OpenImage.ForWriting(ImagePath))
        {
            image.Write(new GuestOffset(Largest - 512), Patterns.Filled(512, 1));
            image.WriteZeroes(new GuestOffset(Largest - (3L * Cluster)), 2L * Cluster);
            byte[] sector = new byte[512];
            image.Read(new GuestOffset(Largest - 512), sector);
            Assert.Equal(Patterns.Filled(512, 1), sector);
        }

        Assert.True(CheckImage.Run(new CheckImageOptions { Path = ImagePath }).IsClean);
        Assert.Equal(Largest, ResizeImage.Run(new ResizeImageOptions { Path = ImagePath }).After.Size);
        Resize(1 << 20, allowShrink: true);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = ImagePath }).IsClean);
        Assert.Equal(17L * Cluster, new FileInfo(ImagePath).Length);
    }

    [Fact]
    public void Shrinking_without_consent_is_refused_by_the_name_of_the_consent()
    {
        TestImage.Create(ImagePath, 1 << 20);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.InvalidSize, "Allow the disk to shrink", () => Resize(1 << 19));
        before.AssertUntouched();
    }

    [Theory]
    [InlineData(-512, "nearest size that works is 512.")]
    [InlineData(1000, "nearest size that works is 1024.")]
    [InlineData((1 << 20) + 1, "nearest size that works is 1049088.")]
    [InlineData(long.MaxValue, "cannot grow beyond 70368744177664 bytes")]
    public void An_illegal_size_is_refused_with_one_that_works(long size, string hint)
    {
        TestImage.Create(ImagePath, 1 << 20);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Fails.With(ErrorKind.InvalidSize, hint, () => Resize(size, allowShrink: true));
        before.AssertUntouched();
    }

    [Fact]
    public void The_same_size_changes_nothing()
    {
        TestImage.Create(ImagePath, 1 << 20);
        Fingerprint before = Fingerprint.Of(ImagePath);
        Resize(1 << 20);
        before.AssertUntouched();
    }

    [Theory]
    [InlineData(3_000_000, 3_000_320)]
    [InlineData(0, 512)]
    [InlineData(-1, 512)]
    public void The_minimum_size_ends_with_the_last_sector_that_is_not_zero(int lastByte, long expected)
    {
        TestImage.Create(ImagePath, 64 << 20);
        TestImage.Write(ImagePath, 40 << 20, new byte[100_000]);
        if (lastByte >= 0)
            TestImage.Write(ImagePath, lastByte, [1]);
        ImageDescription result = ResizeImage.Run(new ResizeImageOptions { Path = ImagePath }).After;
        Assert.Equal(expected, result.Size);
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = ImagePath }).IsClean);
        byte[] disk = TestImage.ReadAll(ImagePath);
        Assert.Equal(lastByte >= 0 ? 1 : 0, disk.Sum(value => value));
        Resize(64 << 20);
        Assert.Equal(lastByte >= 0 ? 1 : 0, TestImage.ReadAll(ImagePath).Sum(value => value));
    }

    [Fact]
    public void The_minimum_size_counts_what_the_backing_file_shows()
    {
        File.WriteAllBytes(_folder["base.raw"], new byte[1 << 20].With(700_000, [1]));
        TestImage.Create(ImagePath, 2 << 20, backing: "base.raw", backingFormat: "raw");
        Assert.Equal(700_416, ResizeImage.Run(new ResizeImageOptions { Path = ImagePath }).After.Size);
    }

    [Theory]
    [InlineData(100_000 & -512)]
    [InlineData(1 << 20)]
    [InlineData(65536)]
    [InlineData(0)]
    public void Growing_under_a_longer_backing_file_shows_zeroes_where_it_would_show_through(int oldSize)
    {
        const int BaseSize = (3 << 20) + 512;
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(BaseSize, 9));
        TestImage.Create(ImagePath, oldSize, 65536, 4, "base.raw", "raw");
        if (oldSize > 4096)
            TestImage.Write(ImagePath, 1000, Patterns.Filled(1000, 1));
        byte[] expected = TestImage.ReadAll(ImagePath);
        foreach (int size in new[] { oldSize + 512, 2 << 20, BaseSize, 5 << 20 })
        {
            Resize(size);
            Array.Resize(ref expected, size);
            Assert.Equal(expected, TestImage.ReadAll(ImagePath));
            AssertSound(tableSize: 4);
        }
    }

    [Fact]
    public void Shrinking_and_growing_under_a_backing_file_never_shows_it_again()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(2 << 20, 9));
        TestImage.Create(ImagePath, 2 << 20, 4096, 1, "base.raw", "raw");
        TestImage.Write(ImagePath, 0, Patterns.Filled(1 << 20, 1));
        Resize(1_000_448, allowShrink: true);
        Resize(2 << 20);
        byte[] expected = new byte[2 << 20];
        expected.AsSpan(0, 1_000_448).Fill(1);
        Assert.Equal(expected, TestImage.ReadAll(ImagePath));
    }

    [Fact]
    public void A_cancelled_resize_changes_nothing()
    {
        TestImage.Create(ImagePath, 1 << 20);
        Fingerprint before = Fingerprint.Of(ImagePath);
        var options = new ResizeImageOptions { Path = ImagePath, Size = 1 << 19, AllowShrink = true };
        Assert.ThrowsAny<OperationCanceledException>(() => ResizeImage.Run(options, cancellation: new System.Threading.CancellationToken(true)));
        before.AssertUntouched();
    }

    [Fact]
    public void What_is_done_is_logged()
    {
        var messages = new List<string>();
        ILogger logger = new CallbackLogger((_, message) => messages.Add(message));
        TestImage.Create(ImagePath, 1 << 20);
        ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = 2 << 20 }, logger: logger);
        Assert.Contains(messages, message => message.Contains("from 1048576 to 2097152 bytes", StringComparison.Ordinal));
    }

    private void Resize(long size, bool allowShrink = false)
        => Assert.Equal(size, ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = size, AllowShrink = allowShrink }).After.Size);

    private void AssertSound(int tableSize)
    {
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.True(check.IsClean, string.Join("; ", check.Issues));
        Assert.False(check.NeedsCheck);
        if (tableSize > 1)
            Qemu.AssertSound(ImagePath);
    }
}
