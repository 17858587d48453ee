using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Checking;
using Qed.Engine;
using Qed.Images;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>Lookups whose page is in memory wait for nobody, and nothing that writers set is lost by it.</summary>
public sealed class ConcurrentLookupTests
{
    private const int Cluster = 4096;
    // One page each, of tables of one cluster.
    private const long Span = 512L * Cluster;
    private const int Tables = 300;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_lookup_goes_on_at_every_moment_of_a_write_that_allocates_and_of_a_flush()
    {
        var storage = new MemoryStorage(TestImage.Bytes(2 * Span, fill: image => image.Write(new GuestOffset(Cluster), Patterns.Filled(Cluster, 1))));
        using QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true });
        Extent expected = image.GetExtent(new GuestOffset(Cluster), Cluster);
        Assert.Equal(ExtentKind.Data, expected.Kind);
        var moments = new List<StorageChangeKind>();
        storage.BeforeChange = change =>
        {
            // The writer holds its locks here: the header's, the allocator's, the L1 table's or the commit's.
            Task<Extent> lookup = Task.Run(() => image.GetExtent(new GuestOffset(Cluster), Cluster));
            lookup.Wait(Token);
            Assert.Equal(expected, lookup.Result);
            moments.Add(change.Kind);
        };
        image.Write(new GuestOffset(Span), Patterns.Filled(Cluster, 2));
        image.Flush();
        storage.BeforeChange = null;
        // A cluster and a table were allocated at once, the mark, data, entry and table's place written, and the mark, what is
        // pointed at, and what points at it, flushed.
        Assert.Equal(1, moments.Count(kind => kind == StorageChangeKind.SetLength));
        Assert.Equal(4, moments.Count(kind => kind == StorageChangeKind.Write));
        Assert.Equal(3, moments.Count(kind => kind == StorageChangeKind.Flush));
    }

    [Fact]
    public void A_lookup_waits_for_no_writer_and_finds_no_entry_that_a_flush_would_leave_out()
    {
        HashSet<TablePage> waiting = [];
        var page = new TablePage(0, waiting);
        page.TrySet(0, 1, Cluster, Cluster);
        page.TakeChanges()!.End(isWritten: true);
        var writer = new Thread(() => page.TrySet(3, 2, 5 * Cluster, Cluster));
        lock (waiting)
        {
            writer.Start();
            // It has locked the page, and cannot go on to have it written by the next flush.
            while ((writer.ThreadState & ThreadState.WaitSleepJoin) == 0)
                Thread.Yield();
            Assert.Equal(((ulong)Cluster, 1), page.FindRun(0, 9, Cluster));
            // Who found the new entry would write where it leads, flush, and lose that in a crash.
            Assert.Equal((0UL, 8), page.FindRun(1, 8, Cluster));
        }

        writer.Join();
        Assert.Single(waiting, page);
        Assert.Equal((5UL * Cluster, 2), page.FindRun(3, 9, Cluster));
    }

    [Fact]
    public void A_page_stays_from_its_change_until_that_is_written_and_takes_none_once_it_has_left()
    {
        HashSet<TablePage> waiting = [];
        var page = new TablePage(0, waiting);
        Assert.True(page.TrySet(0, 1, Cluster, 0));
        Assert.False(page.TryLeave());
        TablePage.Change change = page.TakeChanges()!;
        Assert.Empty(waiting);
        Assert.False(page.TryLeave());
        change.End(isWritten: false);
        Assert.Single(waiting);
        change = page.TakeChanges()!;
        change.End(isWritten: true);
        Assert.Null(page.TakeChanges());
        Assert.True(page.TryLeave());
        Assert.False(page.TrySet(0, 1, 2 * Cluster, 0));
        Assert.Empty(waiting);
    }

    [Fact]
    public void Writers_and_readers_of_more_tables_than_the_cache_holds_lose_nothing()
    {
        const int Threads = 4;
        var storage = new MemoryStorage(TestImage.Bytes(Tables * Span));
        int flushes = storage.Flushes;
        using (QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, TableCacheBytes = 256 << 10 }))
        {
            Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
            {
                int[] order = [.. Enumerable.Range(0, Tables)];
                new Random(thread).Shuffle(order);
                byte[] sector = new byte[512];
                foreach (int table in order)
                {
                    // Each thread has a cluster of its own in every table, so they change one another's pages.
                    var offset = new GuestOffset((table * Span) + (thread * Cluster));
                    image.Write(offset, Patterns.Filled(512, (byte)(table + thread + 1)));
                    image.Read(offset, sector);
                    Assert.Equal((byte)(table + thread + 1), sector[0]);
                }
            });
            AssertWritten(image, Threads);
            // Half of the 64 pages may wait: much was written long before closing.
            Assert.InRange(storage.Flushes - flushes, Tables / 64, int.MaxValue);
        }

        byte[] left = storage.ToArray();
        CheckResult check = new ImageChecker(new MemoryStorage(left), 10).Run(ProgressMeter.Silent, default);
        Assert.True(check.IsClean, string.Join("; ", check.Issues));
        using QedImage again = QedImage.Open(new MemoryStorage(left, canWrite: false), new QedOpenOptions { TableCacheBytes = 256 << 10 });
        AssertWritten(again, Threads);
    }

    [Theory]
    [InlineData((256 << 10) - 1)]
    [InlineData((4L << 30) + 1)]
    public void A_budget_for_tables_that_is_out_of_bounds_is_refused(long bytes)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new QedOpenOptions { TableCacheBytes = bytes });

    private static void AssertWritten(QedImage image, int threads)
    {
        byte[] sector = new byte[512];
        for (int table = 0; table < Tables; table++)
        {
            for (int thread = 0; thread < threads; thread++)
            {
                image.Read(new GuestOffset((table * Span) + (thread * Cluster)), sector);
                Assert.True(sector.AsSpan().IndexOfAnyExcept((byte)(table + thread + 1)) < 0, $"table {table}, thread {thread}");
            }
        }
    }
}
