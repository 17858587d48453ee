using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>
/// A resize that is cancelled, whenever that is, ends with what is under way and leaves a sound image; the space that is lost
/// is heard of, and the next resize gives it back.
/// </summary>
public sealed class CancelledChangeTests : IDisposable
{
    private const int Cluster = 4096;
    private const int Size = 2 << 20;

    // What is under way ends: a piece of a copy, or the entries of a batch; closing writes what waits of the tables.
    private const int MostBytesLeft = 64 << 10;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_shrink()
    {
        byte[] start = Scattered(out byte[] disk);
        const int NewSize = Size / 2;
        int cancelled = CancelAnywhere(start, below: null, (image, token) =>
        {
            image.SetSize(NewSize, token);
            image.Rearrange(storage => new ClusterReclaimer(storage, null, token).Run());
        }, left =>
        {
            byte[] now = Read(left, below: null);
            Assert.Equal(disk[..now.Length], now);
            string path = _folder["again.qed"];
            File.WriteAllBytes(path, left);
            ResizeImage.Run(new ResizeImageOptions { Path = path, Size = NewSize, AllowShrink = true });
            CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
            Assert.True(check.IsClean && !check.NeedsCheck, string.Join("; ", check.Issues));
            Assert.Equal(disk[..NewSize], TestImage.ReadAll(path));
        });
        Assert.True(cancelled > 10, $"only {cancelled} were cancelled");
    }

    [Fact]
    public void A_growth_over_a_longer_backing_file()
    {
        byte[] below = Patterns.Random(8 * Size, 3);
        byte[] start = OnBase(below);
        byte[] disk = Read(start, below);
        int cancelled = CancelAnywhere(start, below, (image, token) => image.SetSize(6 * Size, token), left =>
        {
            byte[] now = Read(left, below);
            Assert.Equal(disk, now[..disk.Length]);
            Assert.True(now.AsSpan(disk.Length).IndexOfAnyExcept((byte)0) < 0);
            string path = _folder["again.qed"];
            File.WriteAllBytes(path, left);
            ResizeImage.Run(new ResizeImageOptions { Path = path, Size = 6 * Size });
            CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
            Assert.True(check.IsClean && !check.NeedsCheck, string.Join("; ", check.Issues));
        });
        Assert.True(cancelled > 0);
    }

    [Fact]
    public void Terabytes_that_must_not_show_through_are_marked_little_by_little()
    {
        const long Large = 256L << 30;
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, 65536, 4));
        using QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        image.AttachBacking(new SparseDisk(2 * Large, (0, 1 << 20, 1), (Large - 512, 512, 2)));
        int flushes = storage.Flushes;
        long moved = storage.BytesMoved;
        int largest = 0;
        storage.BeforeChange = change => largest = Math.Max(largest, change.Kind == StorageChangeKind.Flush ? 0 : change.Bytes.Length);
        image.SetSize(Large);
        // What waits in memory is a part of the first table; the others go to the file as they are made.
        Assert.InRange(storage.Flushes - flushes, 1, 100);
        Assert.InRange(largest, 1, 1 << 20);
        // A table that is fresh is written once, and not read.
        Assert.InRange(storage.BytesMoved - moved, 32 << 20, 34 << 20);
        byte[] end = new byte[512];
        image.Read(new GuestOffset(Large - 512), end);
        Assert.Equal(new byte[512], end);
    }

    /// <summary>Cancels a change at each write and flush in turn, and looks at what is left.</summary>
    /// <returns>How often it was in time.</returns>
    private static int CancelAnywhere(byte[] start, byte[]? below, Action<QedImage, CancellationToken> change, Action<byte[]> look)
    {
        int cancelled = 0;
        for (int stop = 1; ; stop += 1 + (stop / 8))
        {
            using var cancellation = new CancellationTokenSource();
            var storage = new MemoryStorage(start);
            int changes = 0;
            long bytesLeft = 0;
            storage.BeforeChange = change =>
            {
                // What is given back to the host takes one call, however much it is.
                bytesLeft += changes >= stop && change.Kind == StorageChangeKind.Write ? change.Length : 0;
                if (++changes == stop)
                    cancellation.Cancel();
            };
            Exception? error;
            using (QedImage image = Open(storage, below))
                error = Record.Exception(() => change(image, cancellation.Token));
            if (!cancellation.IsCancellationRequested)
                return cancelled;
            Assert.True(error is null or OperationCanceledException, error?.ToString());
            if (error is null)
                continue;
            cancelled++;
            Assert.InRange(bytesLeft, 0, MostBytesLeft);
            byte[] left = storage.ToArray();
            CheckResult check = new ImageChecker(new MemoryStorage(left), 10).Run(ProgressMeter.Silent, default);
            Assert.True(check.Corruptions == 0, $"cancelled at change {stop}: {string.Join("; ", check.Issues)}");
            Assert.True(check.NeedsCheck || check.LeakedClusters == 0, $"cancelled at change {stop}: nobody hears of the leaks");
            look(left);
        }
    }

    private static QedImage Open(MemoryStorage storage, byte[]? below)
    {
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, NeedCheckVerified = true });
        if (below is not null)
            image.AttachBacking(new MemoryDisk(below));
        return image;
    }

    private static byte[] Read(byte[] file, byte[]? below)
    {
        using QedImage image = QedImage.Open(new MemoryStorage(file, canWrite: false));
        if (below is not null)
            image.AttachBacking(new MemoryDisk(below));
        byte[] disk = new byte[image.Length];
        image.Read(new GuestOffset(0), disk);
        return disk;
    }

    /// <summary>A full disk that was written in random order, so that a shrink leaves gaps everywhere.</summary>
    private static byte[] Scattered(out byte[] disk)
    {
        byte[] content = Patterns.Random(Size, 1);
        disk = content;
        int[] blocks = [.. Enumerable.Range(0, Size / 16384)];
        new Random(5).Shuffle(blocks);
        return TestImage.Bytes(Size, Cluster, 1, fill: image =>
        {
            foreach (int offset in blocks.Select(block => block * 16384))
                image.Write(new GuestOffset(offset), content.AsSpan(offset, 16384));
        });
    }

    private byte[] OnBase(byte[] below)
    {
        File.WriteAllBytes(_folder["base.raw"], below);
        string path = TestImage.Create(_folder["top.qed"], Size, Cluster, 1, "base.raw", "raw");
        return File.ReadAllBytes(path);
    }
}
