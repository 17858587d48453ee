using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

public sealed class PageCacheTests
{
    private const int Page = CachedPage.Size;
    private const int Most = (int)(PageBudget.Minimum / Page);
    private const int Pages = 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void No_more_pages_stay_than_the_budget_allows()
    {
        var file = new ReadLog(Pages * Page);
        PageCache<CachedPage> cache = Over(file);
        foreach (int page in Scattered())
        {
            Assert.Equal((byte)page, cache.Get(page * Page, long.MaxValue).Bytes[0]);
            Assert.InRange(cache.Count, 1, Most);
        }

        Assert.Equal(Most, cache.Count);
        Assert.Equal(Most, cache.Capacity);
    }

    [Fact]
    public void A_page_that_is_wanted_again_and_again_outlives_those_that_are_not()
    {
        var file = new ReadLog(Pages * Page);
        PageCache<CachedPage> cache = Over(file);
        foreach (int page in Scattered())
        {
            cache.Get(page * Page, long.MaxValue);
            cache.Get(0, long.MaxValue);
        }

        Assert.Single(file.Reads, read => read.Offset == 0);
        // The others had to go: the first of them is read again.
        int first = Scattered().First(page => page > 0);
        cache.Get(first * Page, long.MaxValue);
        Assert.Equal(2, file.Reads.Count(read => read.Offset == first * Page));
    }

    [Fact]
    public void Pages_that_must_stay_stay_beyond_the_budget_and_what_they_took_is_given_back()
    {
        var file = new ReadLog(Pages * Page);
        bool mustStay = true;
        var cache = new PageCache<KeptPage>(file, PageBudget.Minimum, offset => new KeptPage(offset, () => mustStay));
        int[] order = Scattered();
        foreach (int page in order.Take(2 * Most))
            cache.Get(page * Page, long.MaxValue);
        Assert.Equal(2 * Most, cache.Count);
        foreach (int page in order.Take(2 * Most))
            cache.Get(page * Page, long.MaxValue);
        Assert.Equal(2 * Most, file.Reads.Count);
        mustStay = false;
        cache.Get(order[2 * Most] * Page, long.MaxValue);
        Assert.Equal(Most, cache.Count);
    }

    [Fact]
    public void Pages_that_are_missed_in_order_come_in_pieces_and_others_one_by_one()
    {
        var file = new ReadLog(Pages * Page);
        PageCache<CachedPage> cache = Over(file);
        for (int page = 0; page < 48; page++)
            Assert.Equal(page, cache.Get(page * Page, long.MaxValue).Bytes[0]);
        Assert.Equal([(0, Page), (Page, Page), (2 * Page, 14 * Page), (16 * Page, 16 * Page), (32 * Page, 16 * Page)], file.Reads);

        file.Reads.Clear();
        foreach (int page in new[] { 100, 700, 300, 500 })
            cache.Get(page * Page, long.MaxValue);
        Assert.All(file.Reads, read => Assert.Equal(Page, read.Length));
        Assert.Equal(4, file.Reads.Count);
    }

    [Fact]
    public void Nothing_is_read_ahead_behind_the_end_of_a_table()
    {
        var file = new ReadLog(Pages * Page);
        PageCache<CachedPage> cache = Over(file);
        for (int page = 0; page < 6; page++)
            cache.Get(page * Page, end: 6 * Page);
        Assert.Equal(6 * Page, file.Reads.Max(read => read.Offset + read.Length));
        Assert.Equal(6, cache.Count);
    }

    [Fact]
    public void What_lies_behind_the_end_of_the_file_is_zeroes()
    {
        PageCache<CachedPage> cache = Over(new ReadLog(Page + 100));
        CachedPage last = cache.Get(Page, long.MaxValue);
        Assert.Equal(100, last.Length);
        Assert.False(last.IsWhole);
        Assert.Equal(1, last.Bytes[99]);
        Assert.True(last.Bytes[100..].IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(0, cache.Get(5 * Page, long.MaxValue).Length);
    }

    [Fact]
    public void A_page_that_is_there_is_found_while_another_thread_changes_which_are_there()
    {
        PageCache<CachedPage>? cache = null;
        Task<CachedPage>? lookup = null;
        cache = new PageCache<CachedPage>(new ReadLog(Pages * Page), PageBudget.Minimum, offset =>
        {
            // Pages are made while nobody else may add or remove any.
            if (offset == 500 * Page)
            {
                lookup = Task.Run(() => cache!.Get(3 * Page, long.MaxValue));
                lookup.Wait(Token);
            }

            return new CachedPage(offset);
        });
        CachedPage there = cache.Get(3 * Page, long.MaxValue);
        cache.Get(500 * Page, long.MaxValue);
        Assert.Same(there, lookup?.Result);
    }

    [Fact]
    public async Task Several_that_want_a_page_read_it_once_and_nobody_else_waits_for_them()
    {
        var file = new ReadLog(Pages * Page);
        PageCache<CachedPage> cache = Over(file);
        using var started = new ManualResetEventSlim();
        using var mayGoOn = new ManualResetEventSlim();
        file.OnRead = offset =>
        {
            if (offset != 7 * Page)
                return;
            started.Set();
            mayGoOn.Wait(Token);
        };
        Task<CachedPage>[] readers = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(() => cache.Get(7 * Page, long.MaxValue)))];
        started.Wait(Token);
        Assert.Equal(9, cache.Get(9 * Page, long.MaxValue).Bytes[0]);
        mayGoOn.Set();
        CachedPage[] pages = await Task.WhenAll(readers);
        Assert.Single(pages.Distinct());
        Assert.Equal(7, pages[0].Bytes[0]);
        Assert.Single(file.Reads, read => read.Offset == 7 * Page);
    }

    [Fact]
    public void A_read_that_failed_is_tried_again()
    {
        var file = new ReadLog(Pages * Page) { OnRead = _ => throw new DiskImageException(ErrorKind.AccessDenied, "not now") };
        PageCache<CachedPage> cache = Over(file);
        Fails.With(ErrorKind.AccessDenied, () => cache.Get(7 * Page, long.MaxValue));
        file.OnRead = null;
        Assert.Equal(7, cache.Get(7 * Page, long.MaxValue).Bytes[0]);
    }

    [Fact]
    public void A_bad_sector_among_pages_that_came_together_hides_nothing_else_and_is_read_once()
    {
        const int Bad = (5 * Page) + 1024;
        int failures = 0;
        var file = new ReadLog(Pages * Page);
        PageCache<CachedPage> cache = Over(file);
        file.BadSector = Bad;
        file.OnFailure = () => failures++;
        for (int page = 0; page < 16; page++)
        {
            CachedPage loaded = cache.Get(page * Page, long.MaxValue);
            Assert.Equal(page, loaded.Bytes[0]);
            Assert.Equal(page == 5 ? 1024 : Page, loaded.ReadableAt(0));
        }

        CachedPage damaged = cache.Get(5 * Page, long.MaxValue);
        Fails.With(ErrorKind.AccessDenied, () => damaged.ReadableAt(1024 + 8));
        Assert.Equal(Page - 1536, damaged.ReadableAt(1536));
        // The piece of fourteen pages, and of these the sector.
        Assert.Equal(2, failures);
    }

    [Theory]
    [InlineData(PageBudget.Minimum - 1)]
    [InlineData(PageBudget.Maximum + 1)]
    [InlineData(-1)]
    public void A_budget_outside_its_bounds_is_refused(long budget)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new PageCache<CachedPage>(new ReadLog(Page), budget, offset => new CachedPage(offset)));

    private static PageCache<CachedPage> Over(ReadLog file) => new(file, PageBudget.Minimum, offset => new CachedPage(offset));

    /// <summary>Every fourth page in an order in which none follows its predecessors.</summary>
    private static int[] Scattered()
    {
        int[] pages = [.. Enumerable.Range(0, Pages / 4).Select(page => page * 4)];
        new Random(1).Shuffle(pages);
        return pages;
    }

    private sealed class KeptPage(long offset, Func<bool> mustStay) : CachedPage(offset)
    {
        internal override bool TryLeave() => !mustStay();
    }

    /// <summary>A file whose bytes are the number of their page, which tells what is read of it.</summary>
    private sealed class ReadLog(long length) : BlockStorage
    {
        private const int InputOutputError = 5;

        public override string Path => "/memory/tables";

        public override bool CanWrite => false;

        public override long Length => length;

        internal List<(long Offset, int Length)> Reads { get; } = [];

        internal Action<long>? OnRead { get; set; }

        internal long BadSector { get; set; } = -1;

        internal Action? OnFailure { get; set; }

        public override int Read(long offset, Span<byte> buffer)
        {
            lock (Reads)
                Reads.Add((offset, buffer.Length));
            OnRead?.Invoke(offset);
            if (BadSector >= offset && BadSector < offset + buffer.Length)
            {
                OnFailure?.Invoke();
                throw StorageErrors.Translate(new IOException("Input/output error", InputOutputError), Path);
            }

            int count = (int)Math.Clamp(length - offset, 0, buffer.Length);
            for (int i = 0; i < count; i++)
                buffer[i] = (byte)((offset + i) / Page);
            return count;
        }

        public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new InvalidOperationException();

        public override void Flush() => throw new InvalidOperationException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
