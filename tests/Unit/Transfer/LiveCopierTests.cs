using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Transfer;

/// <summary>An overlay comes to stand alone while it is in use: nobody who reads or writes it sees a difference, and nothing of theirs is lost.</summary>
public sealed class LiveCopierTests : IDisposable
{
    private const int Cluster = 4096;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 4096, 2)]
    [InlineData(2, 65536, 4)]
    public async Task Threads_that_work_at_random_meanwhile_find_what_they_wrote_and_what_was_beneath(int seed, int clusterSize, int tableSize)
    {
        const int Workers = 4;
        const int Share = 3 << 20;
        byte[] model = Sparse(Workers * Share, seed);
        File.WriteAllBytes(_folder["base.raw"], model);
        string path = TestImage.Create(_folder["over.qed"], model.Length, clusterSize, tableSize, "base.raw", "raw");
        using (WritableDiskImage image = OpenImage.ForWriting(path))
        {
            using var go = new Barrier(Workers + 1);
            Task copying = Task.Factory.StartNew(
                () =>
                {
                    go.SignalAndWait();
                    // Slow enough that the others are at work when it ends.
                    DetachImage.Run(image, new DetachImageOptions { MaximumBytesPerSecond = 40 << 20 });
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            // Shares end within clusters: neighbours change the same one.
            Task[] working = [.. Enumerable.Range(0, Workers).Select(share => Task.Factory.StartNew(
                () =>
                {
                    go.SignalAndWait();
                    Work(image, model, Math.Max(0, (share * Share) - 777), share == Workers - 1 ? model.Length : ((share + 1) * Share) - 777, (seed * 10) + share, copying);
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default))];
            await Task.WhenAll([copying, .. working]);
            Assert.True(Read(image).AsSpan().SequenceEqual(model), $"seed {seed}");
        }

        File.Delete(_folder["base.raw"]);
        Assert.Null(DescribeImage.Run(new DescribeImageOptions { Path = path }).BackingPath);
        Assert.True(TestImage.ReadAll(path).AsSpan().SequenceEqual(model), $"seed {seed}");
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.Equal(0, check.Corruptions);
        // What no hole gives back stays lost until a repair finds it.
        Assert.True(!SparseFile.HasHoles || check is { LeakedClusters: 0, NeedsCheck: false });
        Qemu.AssertSound(path, check.FreeClusters);
    }

    /// <summary>What happens between the copier's look at a cluster and its writing it.</summary>
    [Fact]
    public void What_was_written_or_dropped_since_the_copier_has_read_it_stays()
    {
        byte[] model = Patterns.Random(8 * Cluster, 3);
        var below = new WatchedDisk((byte[])model.Clone());
        using QedImage image = Over(below, model.Length);
        below.AfterRead = () =>
        {
            below.AfterRead = null;
            image.Write(100, Patterns.Filled(50, 7));
            Patterns.Filled(50, 7).CopyTo(model, 100);
            image.Discard(2 * Cluster, Cluster);
            model.AsSpan(2 * Cluster, Cluster).Clear();
            image.WriteZeroes((4 * Cluster) - 10, 20);
            model.AsSpan((4 * Cluster) - 10, 20).Clear();
            image.Write(5 * Cluster, Patterns.Filled(Cluster, 9));
            Patterns.Filled(Cluster, 9).CopyTo(model, 5 * Cluster);
        };
        DetachImage.Run(image, new DetachImageOptions());
        Assert.Null(below.AfterRead);
        Assert.True(below.IsClosed);
        Assert.Null(image.BackingReference);
        Assert.True(Read(image).AsSpan().SequenceEqual(model));
        Assert.Equal(ExtentKind.Zero, image.GetExtents(2 * Cluster, Cluster).Single().Kind);
    }

    [Fact]
    public void Nothing_is_said_of_what_reads_as_zeroes_beneath_and_takes_space()
    {
        byte[] contents = new byte[64 * Cluster];
        Patterns.Random(Cluster, 1).CopyTo(contents, 7 * Cluster);
        using QedImage image = Over(new WatchedDisk(contents), contents.Length);
        Assert.Equal(Cluster, DetachImage.Run(image, new DetachImageOptions()));
        Assert.Equal(Cluster, image.GetExtents(0, contents.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length));
    }

    [Fact]
    public void A_smaller_backing_file_is_zeroes_behind_its_end()
    {
        byte[] contents = Patterns.Random((3 * Cluster) + 512, 1);
        using QedImage image = Over(new WatchedDisk(contents), (6 * Cluster) + 512);
        DetachImage.Run(image, new DetachImageOptions());
        Assert.True(Read(image).AsSpan().SequenceEqual([.. contents, .. new byte[3 * Cluster]]));
    }

    /// <summary>A reader that has found nothing in the overlay, and so reads beneath, is not left without it.</summary>
    [Fact]
    public async Task Whoever_reads_beneath_when_that_is_let_go_of_reads_on()
    {
        byte[] contents = new byte[16 * Cluster];
        var below = new WatchedDisk(contents);
        using QedImage image = Over(below, contents.Length);
        using var isReading = new ManualResetEventSlim();
        using var mayGoOn = new ManualResetEventSlim();
        int readers = 0;
        below.BeforeRead = () =>
        {
            if (Interlocked.Increment(ref readers) > 1)
                return;
            isReading.Set();
            mayGoOn.Wait(TestContext.Current.CancellationToken);
        };
        Task<byte[]> reading = Task.Run(() => Read(image), TestContext.Current.CancellationToken);
        isReading.Wait(TestContext.Current.CancellationToken);
        Task detaching = Task.Run(() => DetachImage.Run(image, new DetachImageOptions()), TestContext.Current.CancellationToken);
        while (image.Backing is not null)
            Thread.Yield();
        // The name is gone, and others read without it; it is not closed.
        Assert.Equal(contents, Read(image));
        Assert.False(below.IsClosed);
        Assert.False(detaching.IsCompleted);
        mayGoOn.Set();
        await Task.WhenAll(reading, detaching);
        Assert.True(below.IsClosed);
    }

    [Fact]
    public void Cut_short_it_rests_on_its_backing_file_still_and_another_run_ends_it()
    {
        byte[] contents = Patterns.Random(4 << 20, 1);
        var below = new WatchedDisk(contents);
        using QedImage image = Over(below, contents.Length);
        using var cancellation = new CancellationTokenSource();
        below.AfterRead = cancellation.Cancel;
        Assert.Throws<OperationCanceledException>(() => DetachImage.Run(image, new DetachImageOptions(), cancellation: cancellation.Token));
        Assert.NotNull(image.BackingReference);
        Assert.False(below.IsClosed);
        Assert.InRange(DetachImage.Run(image, new DetachImageOptions()), 1 << 20, 3 << 20);
        Assert.True(Read(image).AsSpan().SequenceEqual(contents));
    }

    [Fact]
    public void A_backing_file_that_cannot_be_read_keeps_its_name_and_harms_nobody()
    {
        byte[] contents = Patterns.Random(4 << 20, 1);
        var below = new WatchedDisk(contents);
        using QedImage image = Over(below, contents.Length);
        below.BeforeRead = () => throw new DiskImageException(ErrorKind.AccessDenied, "bad sector", "/memory/base.raw");
        Assert.Throws<DiskImageException>(() => DetachImage.Run(image, new DetachImageOptions()));
        below.BeforeRead = null;
        image.Write(0, [1, 2, 3]);
        Assert.True(Read(image).AsSpan(3).SequenceEqual(contents.AsSpan(3)));
        Assert.NotNull(image.BackingReference);
    }

    [Fact]
    public void An_image_that_rests_on_nothing_stays_as_it_is()
    {
        string path = TestImage.Create(_folder["a.qed"], 1 << 20);
        byte[] before = File.ReadAllBytes(path);
        using (WritableDiskImage image = OpenImage.ForWriting(path))
            Assert.Equal(0, DetachImage.Run(image, new DetachImageOptions()));
        Assert.Equal(before, File.ReadAllBytes(path));
        File.WriteAllBytes(_folder["b.raw"], new byte[512]);
        using WritableDiskImage raw = OpenImage.ForWriting(new OpenImageOptions { Path = _folder["b.raw"], SourceFormat = "raw" });
        Assert.Equal(ErrorKind.UnsupportedFeature, Assert.Throws<DiskImageException>(() => DetachImage.Run(raw, new DetachImageOptions())).Kind);
    }

    private static void Work(WritableDiskImage image, byte[] model, int start, int end, int seed, Task until)
    {
        var random = new Random(seed);
        // Some steps more when there is nothing beneath any more.
        for (int step = 0, after = 0; after < 20 && step < 100_000; step++, after += until.IsCompleted ? 1 : 0)
        {
            int offset = random.Next(start, end);
            int length = random.Next(1, Math.Min(random.Next(2) == 0 ? 3000 : 100_000, end - offset) + 1);
            Span<byte> expected = model.AsSpan(offset, length);
            switch (random.Next(8))
            {
                case 0:
                    Patterns.Random(length, step + 1).CopyTo(expected);
                    image.Write(offset, expected);
                    break;
                case 1:
                    expected.Clear();
                    image.Discard(offset, length);
                    break;
                case 2:
                    image.Flush();
                    break;
                default:
                    byte[] read = new byte[length];
                    image.Read(offset, read);
                    Assert.True(read.AsSpan().SequenceEqual(expected), $"seed {seed}, step {step}, offset {offset}, {length} bytes");
                    break;
            }
        }
    }

    private QedImage Over(DiskImage below, long size)
    {
        File.WriteAllBytes(_folder["base.raw"], new byte[512]);
        string path = TestImage.Create(_folder["over.qed"], size, Cluster, 1, "base.raw", "raw");
        var image = QedImage.Open(new MemoryStorage(File.ReadAllBytes(path)), new QedOpenOptions { ForWriting = true });
        image.AttachBacking(below);
        return image;
    }

    private static byte[] Read(DiskImage image)
    {
        byte[] disk = new byte[image.Length];
        image.Read(0, disk);
        return disk;
    }

    private static byte[] Sparse(int size, int seed)
    {
        byte[] content = new byte[size];
        for (int start = 0; start < size; start += 700_000)
            Patterns.Random(Math.Min(450_000, size - start), seed + start).CopyTo(content, start);
        return content;
    }
}
