using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

public sealed class ConcurrencyTests : IDisposable
{
    private const int Block = 3 * 512;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(4096, 1)]
    [InlineData(65536, 4)]
    public void Threads_that_write_neighbouring_sectors_of_the_same_new_clusters_lose_nothing(int clusterSize, int tableSize)
    {
        const int Blocks = 3000;
        string path = TestImage.Create(_folder["image.qed"], Blocks * Block + 512, clusterSize, tableSize);
        int[] order = Enumerable.Range(0, Blocks).ToArray();
        new Random(5).Shuffle(order);
        using (var image = (QedImage)OpenImage.ForWriting(path))
        {
            Parallel.ForEach(order, new ParallelOptions { MaxDegreeOfParallelism = 8 }, block =>
            {
                image.Write(new GuestOffset((long)block * Block), Patterns.Filled(Block, (byte)(block % 255 + 1)));
                if (block % 500 == 0)
                    image.Flush();
            });
        }

        byte[] disk = TestImage.ReadAll(path);
        for (int block = 0; block < Blocks; block++)
            Assert.True(disk.AsSpan(block * Block, Block).IndexOfAnyExcept((byte)(block % 255 + 1)) < 0, $"block {block}");
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check.IsClean);
        Assert.False(check.NeedsCheck);
    }

    [Fact]
    public void A_cluster_that_several_threads_write_first_is_allocated_once()
    {
        const int Sectors = 32;
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, 16384, 2));
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        // A slow disk: every thread has looked the cluster up before the first one has mapped it.
        storage.BeforeChange = _ => Thread.Sleep(2);
        long before = storage.Length;
        Parallel.For(0, Sectors, new ParallelOptions { MaxDegreeOfParallelism = 8 }, sector =>
            image.Write(new GuestOffset(sector * 512), Patterns.Filled(512, (byte)(sector + 1))));
        storage.BeforeChange = null;
        byte[] disk = new byte[Sectors * 512];
        image.Read(new GuestOffset(0), disk);
        for (int sector = 0; sector < Sectors; sector++)
            Assert.True(disk.AsSpan(sector * 512, 512).IndexOfAnyExcept((byte)(sector + 1)) < 0, $"sector {sector}");
        image.Dispose();
        Assert.Equal(before + 16384 + (2 * 16384), storage.Length);
    }

    [Fact]
    public void Table_updates_of_many_requests_become_one_write()
    {
        var storage = new MemoryStorage(TestImage.Bytes(64 << 20, 65536, 4));
        using QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        image.Write(new GuestOffset(0), Patterns.Filled(65536, 1));
        image.Flush();
        int tableWrites = 0;
        storage.BeforeChange = change => tableWrites += change.Kind == StorageChangeKind.Write && change.Bytes.Length < 65536 ? 1 : 0;
        Parallel.For(1, 200, block => image.Write(new GuestOffset(block * 65536L), Patterns.Filled(65536, 2)));
        image.Flush();
        Assert.Equal(1, tableWrites);
    }

    [Fact]
    public void NEED_CHECK_is_on_stable_storage_before_the_first_allocation_and_cleared_after_the_last_flush()
    {
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20));
        var kinds = new System.Collections.Generic.List<string>();
        storage.BeforeChange = change => kinds.Add(change.Kind switch
        {
            StorageChangeKind.Flush => "flush",
            StorageChangeKind.SetLength => "extend",
            _ when change.Offset == 0 => (change.Bytes.Span[16] & 2) != 0 ? "set" : "clear",
            _ => "write",
        });
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        image.Write(new GuestOffset(0), new byte[] { 1 });
        Assert.Equal(["set", "flush", "extend", "write"], kinds.Take(4));
        image.Dispose();
        Assert.Equal(["flush", "clear", "flush"], kinds.Skip(kinds.Count - 3));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Requests_that_fill_the_disk_together_give_all_their_clusters_back(bool firstFailsFirst)
    {
        MemoryStorage storage = OfKnownSpace(out QedImage image);
        long before = storage.Length;
        using var bothAllocated = new Barrier(2);
        using var otherFailed = new ManualResetEventSlim();
        storage.OnWrite = offset =>
        {
            if (offset < before)
                return;
            bothAllocated.SignalAndWait(TestContext.Current.CancellationToken);
            if (firstFailsFirst != (offset == before))
                otherFailed.Wait(TestContext.Current.CancellationToken);
            throw new DiskImageException(ErrorKind.NotEnoughSpace, "the disk is full");
        };
        Task[] writes = [.. new[] { 0L, 65536L }.Select(offset => Task.Run(() =>
        {
            try
            {
                Assert.Throws<DiskImageException>(() => image.Write(new GuestOffset(offset), Patterns.Filled(65536, 1)));
            }
            finally
            {
                otherFailed.Set();
            }
        }))];
        await Task.WhenAll(writes);
        storage.OnWrite = null;
        image.Dispose();
        Assert.Equal(before, storage.Length);
        Assert.Equal(0, storage.ToArray()[16] & 2);
    }

    [Fact]
    public void Clusters_of_a_failed_request_that_others_lie_behind_are_given_back_at_once_and_are_free_at_closing()
    {
        MemoryStorage storage = OfKnownSpace(out QedImage image);
        long before = storage.Length;
        storage.OnWrite = offset =>
        {
            if (offset != before)
                return;
            // While this one waits for the disk, another one takes the clusters behind it.
            Task.Run(() => image.Write(new GuestOffset(65536), Patterns.Filled(65536, 1))).Wait(TestContext.Current.CancellationToken);
            throw new DiskImageException(ErrorKind.NotEnoughSpace, "the disk is full");
        };
        var punches = new System.Collections.Generic.List<(long, long)>();
        storage.BeforeChange = change =>
        {
            if (change.Kind == StorageChangeKind.Punch)
                punches.Add((change.Offset, change.Length));
        };
        Assert.Throws<DiskImageException>(() => image.Write(new GuestOffset(0), Patterns.Filled(65536, 2)));
        storage.OnWrite = null;
        Extent other = image.GetExtent(new GuestOffset(65536), 65536);
        Assert.Equal(before + 65536, other.HostOffset!.Value.Value);
        // A full disk may have no room for the commit that would make them free.
        Assert.Equal([(before, 65536L)], punches);
        image.Dispose();
        Assert.All(punches, punch => Assert.Equal((before, 65536L), punch));
        Assert.Equal(0, storage.ToArray()[16] & 2);
    }

    [Fact]
    public void A_failed_table_write_leaves_NEED_CHECK_set()
    {
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20));
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        image.Write(new GuestOffset(0), new byte[512]);
        storage.BeforeChange = change =>
        {
            if (change.Kind == StorageChangeKind.Write)
                throw new DiskImageException(ErrorKind.NotEnoughSpace, "the disk is full");
        };
        Assert.Throws<DiskImageException>(image.Flush);
        storage.BeforeChange = null;
        image.Dispose();
        Assert.Equal(2, storage.ToArray()[16] & 2);
    }

    /// <summary>An image of which it is known that nothing in it is free, so that nobody looks for room when there is none.</summary>
    private static MemoryStorage OfKnownSpace(out QedImage image)
    {
        var last = new GuestOffset((1 << 20) - 4096);
        var storage = new MemoryStorage(TestImage.Bytes(1 << 20, fill: each => each.Write(last, Patterns.Filled(4096, 9))));
        image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = new Background() });
        image.Discard(last, 4096);
        image.Flush();
        image.Write(last, Patterns.Filled(4096, 9));
        image.Flush();
        Assert.Equal(0, image.Space.FreeCount);
        return storage;
    }
}
