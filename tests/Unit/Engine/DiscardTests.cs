using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Checking;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>What is discarded reads as zeroes, its space comes back and is used again, and nothing else is lost by it.</summary>
public sealed class DiscardTests : IDisposable
{
    private const int Cluster = 4096;
    private const int Mebibyte = 1 << 20;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_range_reads_as_zeroes_to_the_byte_and_what_lies_around_it_stays(bool withBacking)
    {
        SparseFile.RequireHoles();
        byte[] below = Patterns.Random(Mebibyte, 1);
        File.WriteAllBytes(_folder["base.raw"], below);
        string path = TestImage.Create(_folder["image.qed"], Mebibyte, Cluster, 1, withBacking ? "base.raw" : null, withBacking ? "raw" : null);
        byte[] expected = withBacking ? (byte[])below.Clone() : new byte[Mebibyte];
        byte[] data = Patterns.Random(40_000, 2);
        using (WritableDiskImage image = OpenImage.ForWriting(path))
        {
            image.Write(new GuestOffset(100_000), data);
            data.CopyTo(expected, 100_000);
            foreach ((int offset, int length) in new[] { (101_001, 20_003), (50_000, 10_001), (Mebibyte - 5001, 5001), (200_000, 7) })
            {
                image.Discard(new GuestOffset(offset), length);
                expected.AsSpan(offset, length).Clear();
            }

            Assert.Equal(withBacking ? ExtentKind.Zero : ExtentKind.Unallocated, image.GetExtent(new GuestOffset(106_496), 1).Kind);
        }

        Assert.Equal(expected, TestImage.ReadAll(path));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = path }).IsClean);
    }

    [Fact]
    public void The_host_gets_the_space_back_at_the_next_flush_and_the_file_is_cut()
    {
        SparseFile.RequireHoles();
        string path = TestImage.Create(_folder["image.qed"], 64 * Mebibyte);
        using (QedImage image = Open(path, new Background()))
        {
            image.Write(new GuestOffset(0), Patterns.Filled(64 * Mebibyte, 1));
            image.Flush();
            long before = Taken(path);
            image.Discard(new GuestOffset(0), 10 * Mebibyte);
            image.Flush();
            Assert.InRange(before - Taken(path), (10 * Mebibyte) - 65536, 11 * Mebibyte);
            // The tail: at closing to the last cluster, before that in large pieces.
            image.Discard(new GuestOffset(32 * Mebibyte), 32 * Mebibyte);
            image.Flush();
            Assert.InRange(new FileInfo(path).Length, 32 * Mebibyte, 34 * Mebibyte);
            image.Discard(new GuestOffset(30 * Mebibyte), 2 * Mebibyte);
        }

        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check is { IsClean: true, FreeClusters: 160, LeakedClusters: 0, AllocatedClusters: 320 }, $"{check.FreeClusters} free, {check.LeakedClusters} leaked");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_image_that_is_written_and_discarded_a_hundred_times_takes_no_more_than_its_peak(bool flushes)
    {
        SparseFile.RequireHoles();
        const int Piece = 4 * Mebibyte;
        string path = TestImage.Create(_folder["image.qed"], 100 * Piece);
        long peak = 0;
        long taken = 0;
        using (QedImage image = Open(path, new Background()))
        {
            for (int round = 0; round < 100; round++)
            {
                image.Write(new GuestOffset((long)round * Piece), Patterns.Filled(Piece, (byte)(round + 1)));
                if (round >= 3)
                    image.Discard(new GuestOffset((long)(round - 3) * Piece), Piece);
                if (flushes)
                    image.Flush();
                peak = Math.Max(peak, new FileInfo(path).Length);
                taken = Math.Max(taken, Taken(path));
            }

            byte[] last = new byte[Piece];
            image.Read(new GuestOffset(97L * Piece), last);
            Assert.Equal(Patterns.Filled(Piece, 98), last);
        }

        // Three pieces and the one that is written, the tables, and what the file is longer by ahead of use.
        Assert.InRange(taken, 3 * Piece, (4 * Piece * 1.05) + Mebibyte);
        Assert.InRange(peak, 3 * Piece, (4 * Piece * 1.05) + (18 * Mebibyte));
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check.IsClean, string.Join("; ", check.Issues));
    }

    [Fact]
    public void An_image_that_was_closed_finds_its_free_clusters_again()
    {
        SparseFile.RequireHoles();
        string path = TestImage.Create(_folder["image.qed"], 64 * Mebibyte, Cluster, 2);
        using (QedImage image = Open(path, new Background()))
        {
            image.Write(new GuestOffset(0), Patterns.Filled(16 * Mebibyte, 1));
            image.Discard(new GuestOffset(0), 12 * Mebibyte);
        }

        long before = new FileInfo(path).Length;
        Assert.Equal(12 * Mebibyte / Cluster, CheckImage.Run(new CheckImageOptions { Path = path }).FreeClusters);
        using (QedImage image = Open(path, new Background()))
        {
            image.Write(new GuestOffset(20 * Mebibyte), Patterns.Filled(Mebibyte / 2, 2));
            // Little is written: nobody reads all tables for that.
            Assert.Null(image.Space.FreeCount);
            for (int i = 0; i < 10; i++)
                image.Write(new GuestOffset((21 + i) * Mebibyte), Patterns.Filled(Mebibyte, 3));
            Assert.NotNull(image.Space.FreeCount);
        }

        Assert.InRange(new FileInfo(path).Length, before, before + (3 * Mebibyte));
        byte[] disk = TestImage.ReadAll(path);
        Assert.True(disk.AsSpan(0, 12 * Mebibyte).IndexOfAnyExcept((byte)0) < 0);
        Assert.True(disk.AsSpan(12 * Mebibyte, 4 * Mebibyte).IndexOfAnyExcept((byte)1) < 0);
        Assert.True(disk.AsSpan(21 * Mebibyte, 10 * Mebibyte).IndexOfAnyExcept((byte)3) < 0);
    }

    [Fact]
    public void What_was_freed_is_neither_punched_nor_given_out_before_that_is_on_the_disk()
    {
        var storage = new MemoryStorage(TestImage.Bytes(4 * Mebibyte));
        using QedImage image = Open(storage);
        image.Write(new GuestOffset(0), Patterns.Filled(9 * Cluster, 1));
        image.Discard(new GuestOffset(8 * Cluster), Cluster);
        image.Flush();
        Assert.Equal(1, image.Space.FreeCount);
        HostOffset place = image.GetExtent(new GuestOffset(0), 1).HostOffset!.Value;
        var after = new List<StorageChangeKind>();
        storage.BeforeChange = change =>
        {
            if (change.Kind == StorageChangeKind.Flush || (change.Offset >= place.Value && change.Offset < place.Value + (8 * Cluster)))
                after.Add(change.Kind);
        };
        image.Discard(new GuestOffset(0), 8 * Cluster);
        image.Write(new GuestOffset(20 * Cluster), Patterns.Filled(8 * Cluster, 2));
        Assert.DoesNotContain(StorageChangeKind.Write, after);
        Assert.DoesNotContain(StorageChangeKind.Punch, after);
        after.Clear();
        image.Flush();
        // Neighbours go back to the host in one call.
        Assert.Equal([StorageChangeKind.Punch], after.SkipWhile(kind => kind == StorageChangeKind.Flush));
        image.Write(new GuestOffset(40 * Cluster), Patterns.Filled(8 * Cluster, 3));
        Assert.Contains(StorageChangeKind.Write, after);
    }

    [Fact]
    public void In_an_image_where_two_entries_lead_to_one_cluster_nothing_is_given_out_again()
    {
        byte[] bytes = TestImage.Bytes(Mebibyte, fill: image => image.Write(new GuestOffset(0), Patterns.Filled(8 * Cluster, 1)));
        int table = (int)bytes.UInt64At((int)bytes.UInt64At(40));
        var storage = new MemoryStorage(bytes.With(table + (100 * 8), bytes.UInt64At(table)));
        using (QedImage image = Open(storage))
        {
            image.Discard(new GuestOffset(0), 8 * Cluster);
            image.Flush();
            image.Write(new GuestOffset(20 * Cluster), Patterns.Filled(8 * Cluster, 2));
            image.Flush();
            byte[] other = new byte[Cluster];
            image.Read(new GuestOffset(100 * Cluster), other);
            Assert.Equal(Patterns.Filled(Cluster, 1), other);
        }

        // Something is known to be wrong.
        Assert.Equal(2, storage.ToArray()[16] & 2);
    }

    [Fact]
    public void Zeroes_that_are_written_give_space_back_where_that_was_asked_for()
    {
        foreach (bool detects in new[] { false, true })
        {
            var storage = new MemoryStorage(TestImage.Bytes(Mebibyte));
            using QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, DetectZeroes = detects, Background = new Background() });
            byte[] data = Patterns.Random(20 * Cluster, 1);
            image.Write(new GuestOffset(1000), data);
            data.AsSpan(5 * Cluster, 6 * Cluster).Clear();
            image.Write(new GuestOffset(1000), data);
            byte[] read = new byte[data.Length];
            image.Read(new GuestOffset(1000), read);
            Assert.Equal(data, read);
            int unallocated = Enumerable.Range(0, 21).Count(cluster => image.GetExtent(new GuestOffset(cluster * Cluster), 1).Kind == ExtentKind.Unallocated);
            Assert.Equal(detects ? 5 : 0, unallocated);
        }
    }

    [Fact]
    public void A_raw_disk_is_written_and_discarded_in_place()
    {
        SparseFile.RequireHoles();
        byte[] expected = Patterns.Random(4 * Mebibyte, 5);
        string path = _folder["disk.raw"];
        File.WriteAllBytes(path, expected);
        long before = Taken(path);
        using (var image = (WritableDiskImage)FormatRegistry.Raw.Open(HostFile.Open(path, StorageAccess.Write), ImageOpenOptions.Default))
        {
            image.Write(new GuestOffset(100), Patterns.Filled(1000, 7));
            image.Discard(new GuestOffset(Mebibyte - 3), (2 * Mebibyte) + 7);
            image.Flush();
            Assert.Throws<ArgumentOutOfRangeException>(() => image.Write(new GuestOffset(4 * Mebibyte), new byte[1]));
        }

        Patterns.Filled(1000, 7).CopyTo(expected, 100);
        expected.AsSpan(Mebibyte - 3, (2 * Mebibyte) + 7).Clear();
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.InRange(before - Taken(path), (2 * Mebibyte) - 65536, (2 * Mebibyte) + 65536);
        using var reader = (WritableDiskImage)FormatRegistry.Raw.Open(HostFile.Open(path, StorageAccess.Read), ImageOpenOptions.Default);
        Assert.Throws<InvalidOperationException>(() => reader.Discard(new GuestOffset(0), 512));
    }

    [Fact]
    public void A_full_disk_has_room_again_for_what_was_discarded()
    {
        const int Piece = 16 * Cluster;
        using var disk = new SmallDisk();
        string path = TestImage.Create(disk["image.qed"], 64 * Mebibyte, Cluster, 1);
        using (QedImage image = Open(path, new Background()))
        {
            int written = 0;
            byte[] piece = Patterns.Filled(Piece, 1);
            Fails.With(ErrorKind.NotEnoughSpace, () =>
            {
                for (; written < 1000; written++)
                    image.Write(new GuestOffset((long)written * Piece), piece);
            });
            Assert.InRange(written, 20, 40);
            image.Discard(new GuestOffset(0), 16 * Piece);
            for (int i = 100; i < 110; i++)
                image.Write(new GuestOffset((long)i * Piece), piece);
            image.Flush();
        }

        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = path }).Corruptions);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_crash_has_lost_is_used_again_at_once_or_given_back_by_a_repair(bool repairs)
    {
        // Few enough that no scan commits meanwhile.
        const int Lost = 200 * Cluster;
        var storage = new MemoryStorage(TestImage.Bytes(8 * Mebibyte));
        byte[] crashed;
        using (QedImage image = Open(storage))
        {
            image.Write(new GuestOffset(0), Patterns.Filled(Cluster, 1));
            image.Flush();
            image.Write(new GuestOffset(Mebibyte), Patterns.Filled(Lost, 2));
            // The data is on the disk, and no entry that leads to it.
            crashed = storage.ToArray();
        }

        string path = _folder["image.qed"];
        File.WriteAllBytes(path, crashed);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check is { NeedsCheck: true, Corruptions: 0 });
        // With what the file was longer by ahead of use.
        Assert.InRange(check.LeakedClusters, Lost / Cluster, 256);
        if (repairs)
        {
            Assert.Equal(CheckStatus.Repaired, RepairImage.Run(new RepairImageOptions { Path = path, DiscardUndo = true }).Status);
            Assert.InRange(new FileInfo(path).Length, 4 * Cluster, 8 * Cluster);
        }

        using (WritableDiskImage image = OpenImage.ForWriting(path))
            image.Write(new GuestOffset(4 * Mebibyte), Patterns.Filled(Lost - (16 * Cluster), 3));
        // In the place of what was lost.
        Assert.InRange(new FileInfo(path).Length, Lost - (16 * Cluster), crashed.Length);
        check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check is { NeedsCheck: false, Corruptions: 0 });
        byte[] disk = TestImage.ReadAll(path);
        Assert.Equal(Patterns.Filled(Cluster, 1), disk[..Cluster]);
        Assert.Equal(-1, disk.AsSpan(Mebibyte, Lost).IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, disk.AsSpan(4 * Mebibyte, Lost - (16 * Cluster)).IndexOfAnyExcept((byte)3));
    }

    [Fact]
    public void Readers_and_writers_beside_discards_see_their_own_data_or_zeroes()
    {
        const int Threads = 4;
        var storage = new MemoryStorage(TestImage.Bytes(Mebibyte));
        using (QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true }))
        {
            System.Threading.Tasks.Parallel.For(0, Threads, new System.Threading.Tasks.ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
            {
                var random = new Random(thread);
                byte[] read = new byte[Cluster];
                byte[] model = new byte[16];
                for (int step = 0; step < 1500; step++)
                {
                    int slot = random.Next(16);
                    var offset = new GuestOffset(((slot * Threads) + thread) * Cluster);
                    switch (random.Next(5))
                    {
                        case 0:
                            image.Discard(offset, Cluster);
                            model[slot] = 0;
                            break;
                        case 1:
                            model[slot] = (byte)((thread * 50) + random.Next(1, 50));
                            image.Write(offset, Patterns.Filled(Cluster, model[slot]));
                            break;
                        case 2 when random.Next(10) == 0:
                            image.Flush();
                            break;
                        default:
                            image.Read(offset, read);
                            Assert.True(read.AsSpan().IndexOfAnyExcept(model[slot]) < 0, $"thread {thread}, step {step}");
                            break;
                    }
                }
            });
        }

        CheckResult check = new ImageChecker(new MemoryStorage(storage.ToArray()), 10).Run(ProgressMeter.Silent, default);
        Assert.Equal(0, check.Corruptions);
        // The header, the L1 table and an L2 table beside what is in use at the most, and what waited for a flush meanwhile.
        Assert.InRange(storage.Length / Cluster, 3, 3 + (16 * Threads) + (3 * 256));
    }

    private static QedImage Open(MemoryStorage storage)
        => QedImage.Open(storage, new QedOpenOptions { ForWriting = true, Background = new Background() });

    private static QedImage Open(string path, Background background)
        => QedImage.Open(path, new QedOpenOptions { ForWriting = true, Background = background });

    private static long Taken(string path)
    {
        using HostFile file = HostFile.Open(path, StorageAccess.Peek);
        return file.AllocatedLength!.Value;
    }
}
