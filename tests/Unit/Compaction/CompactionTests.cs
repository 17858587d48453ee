using System;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Compaction;
using Qed.Tables;
using Qed.Tests.Checking;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Compaction;

/// <summary>
/// Compacting an image, however its clusters lie: the guest sees the same, nothing is lost, the file is as long as was
/// promised, and as much was moved as was promised.
/// </summary>
public sealed class CompactionTests
{
    public static TheoryData<OptimizeMode, int, int, bool, int> Images()
    {
        var images = new TheoryData<OptimizeMode, int, int, bool, int>();
        (int ClusterSize, int TableSize, int Count)[] geometries = [(4096, 1, 4), (4096, 4, 4), (4096, 16, 3), (65536, 4, 2), (2 << 20, 1, 1)];
        int seed = 7100;
        foreach (OptimizeMode mode in new[] { OptimizeMode.Quick, OptimizeMode.Full, OptimizeMode.Defragment })
        {
            foreach ((int clusterSize, int tableSize, int count) in geometries)
            {
                for (int i = 0; i < count; i++)
                    images.Add(mode, clusterSize, tableSize, seed % 2 == 0, seed++);
            }
        }

        return images;
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void It_keeps_what_it_promised(OptimizeMode mode, int clusterSize, int tableSize, bool hasBacking, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        ScatteredImage image = Create(clusterSize, tableSize, hasBacking, seed, clusterSize > 65536 ? 8 : 60);
        var untouched = new MemoryStorage(image.Bytes, canWrite: false);
        CompactionOutcome plan = Compact(untouched, mode, isRehearsal: true);
        var storage = new MemoryStorage(image.Bytes) { MostBytesMoved = RepairTrial.MostBytesToMove(image.Bytes) };
        CompactionOutcome done = Compact(storage, mode, isRehearsal: false);
        Assert.Equal(plan, done);
        Assert.Equal(done.FileSize, storage.Length);
        AssertSound(image, storage.ToArray(), mode, hasBacking, $"seed {seed}");
        AssertSameForQemu(image.Bytes, storage.ToArray(), tableSize);

        CompactionOutcome again = Compact(storage, mode, isRehearsal: false);
        Assert.Equal((storage.Length, 0, 0), (again.FileSize, again.FreedZeroClusters, again.MovedBytes));
    }

    [Theory]
    [InlineData(OptimizeMode.Quick, 4096, 1, 95)]
    [InlineData(OptimizeMode.Full, 65536, 2, 96)]
    [InlineData(OptimizeMode.Defragment, 4096, 4, 97)]
    [InlineData(OptimizeMode.Defragment, 4096, 1, 98)]
    public void On_a_block_device_it_ends_as_soon_and_stays_within_it(OptimizeMode mode, int clusterSize, int tableSize, int seed)
    {
        ScatteredImage image = Create(clusterSize, tableSize, hasBacking: false, seed, clusters: 60);
        byte[] device = StaleDevice.Bytes(image.Bytes, image.Bytes.Length + (64 * clusterSize) + 512);
        CompactionOutcome plan = Compact(new MemoryStorage(device, canWrite: false) { IsDevice = true }, mode, isRehearsal: true);
        var storage = new MemoryStorage(device) { IsDevice = true, MostBytesMoved = RepairTrial.MostBytesToMove(device) };
        Assert.Equal(plan, Compact(storage, mode, isRehearsal: false));
        Assert.Equal((device.Length, plan.FileSize), (storage.Length, RepairTrial.CheckOf(storage.ToArray(), onDevice: true).EndOfUse));
        // As in a file that is cut there.
        AssertSound(image, storage.ToArray()[..(int)plan.FileSize], mode, hasBacking: false, $"seed {seed}");
    }

    [Fact]
    public void A_table_that_maps_nothing_any_more_is_freed_with_its_zeroes()
    {
        var image = new ScatteredImage(4096, 2, [.. "TzzT-d"], new Random(3));
        var storage = new MemoryStorage(image.Bytes);
        Compact(storage, OptimizeMode.Full, isRehearsal: false);
        // Header, L1 table, the table of the cluster that holds something, and that.
        int tables = Math.Min(1, image.Data);
        Assert.Equal((1 + 2 + (2 * tables) + image.Data) * 4096, storage.Length);
        image.AssertSameGuest(storage.ToArray());
    }

    [Theory]
    [InlineData("TdddddddddddT", 1)]
    [InlineData("TdTdTd-TdT", 1)]
    [InlineData("ddddTT", 1)]
    public void What_is_in_order_already_is_not_moved_by_a_second_run(string order, int seed)
    {
        var image = new ScatteredImage(4096, 1, [.. order], new Random(seed));
        var storage = new MemoryStorage(image.Bytes);
        Compact(storage, OptimizeMode.Defragment, isRehearsal: false);
        storage.BeforeChange = change => Assert.NotEqual(StorageChangeKind.Write, change.Kind);
        Assert.Equal(0, Compact(storage, OptimizeMode.Defragment, isRehearsal: false).MovedBytes);
    }

    /// <summary>Its entries reach the disk after its copies, and the freed places are used after both.</summary>
    [Theory]
    [InlineData(OptimizeMode.Quick, 1, false, false, 81)]
    [InlineData(OptimizeMode.Quick, 4, true, true, 82)]
    [InlineData(OptimizeMode.Full, 1, true, false, 83)]
    [InlineData(OptimizeMode.Full, 2, false, false, 84)]
    [InlineData(OptimizeMode.Defragment, 1, false, true, 85)]
    [InlineData(OptimizeMode.Defragment, 4, true, false, 86)]
    public void A_crash_at_any_change_leaves_the_guests_data_and_a_second_run_ends_the_work(OptimizeMode mode, int tableSize, bool hasBacking, bool onDevice, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        ScatteredImage image = Create(4096, tableSize, hasBacking, seed, clusters: 60);
        byte[] start = onDevice ? StaleDevice.Bytes(image.Bytes, image.Bytes.Length + (64 * 4096)) : image.Bytes;
        var storage = new MemoryStorage(start) { IsDevice = onDevice };
        var log = new CrashLog(storage);
        long length = Compact(storage, mode, isRehearsal: false).FileSize;
        var random = new Random(seed);
        for (int crash = 0; crash <= log.Count; crash += Math.Max(1, log.Count / 120))
        {
            string name = $"seed {seed}, crash before change {crash} of {log.Count}";
            MemoryStorage second = log.CrashAt(crash, random)[0];
            byte[] crashed = second.ToArray();
            image.AssertSameGuest(crashed);
            Assert.True(RepairTrial.CheckOf(crashed, onDevice).Corruptions == 0, name);
            Assert.Equal(length, Compact(second, mode, isRehearsal: false).FileSize);
            AssertSound(image, second.ToArray()[..(int)length], mode, hasBacking, name);
        }
    }

    [Theory]
    [InlineData(OptimizeMode.Quick, 91)]
    [InlineData(OptimizeMode.Full, 92)]
    [InlineData(OptimizeMode.Defragment, 93)]
    public void It_can_be_cancelled_at_any_change(OptimizeMode mode, int seed)
    {
        ScatteredImage image = Create(4096, 2, hasBacking: false, seed, clusters: 60);
        int cancelled = 0;
        for (int stop = 1; ; stop += 1 + (stop / 6))
        {
            using var cancellation = new CancellationTokenSource();
            int changes = 0;
            var storage = new MemoryStorage(image.Bytes);
            storage.BeforeChange = change =>
            {
                if (++changes == stop)
                    cancellation.Cancel();
            };
            Exception? error = Record.Exception(() => Compact(storage, mode, isRehearsal: false, cancellation.Token));
            Assert.True(error is null or OperationCanceledException, error?.ToString());
            if (!cancellation.IsCancellationRequested)
                break;
            cancelled += error is null ? 0 : 1;
            storage.BeforeChange = null;
            image.AssertSameGuest(storage.ToArray());
            Compact(storage, mode, isRehearsal: false);
            AssertSound(image, storage.ToArray(), mode, hasBacking: false, $"seed {seed}, cancelled at change {stop}");
        }

        Assert.True(cancelled > 3, $"only {cancelled} were cancelled");
    }

    private static ScatteredImage Create(int clusterSize, int tableSize, bool hasBacking, int seed, int clusters)
    {
        var random = new Random(seed);
        return new ScatteredImage(
            clusterSize, tableSize, random, 2 + random.Next(clusters), random.Next(clusters / 2), 1 + random.Next(6), random.Next(clusters / 3), hasBacking);
    }

    private static CompactionOutcome Compact(MemoryStorage storage, OptimizeMode mode, bool isRehearsal, CancellationToken cancellation = default)
    {
        var scan = new ImageScan(storage, maximumFaults: 0);
        scan.Run(ProgressMeter.Silent, CancellationToken.None);
        return new ImageCompactor(storage, mode, isRehearsal, progress: null, cancellation).Run(scan);
    }

    private static void AssertSound(ScatteredImage image, byte[] after, OptimizeMode mode, bool hasBacking, string name)
    {
        CheckResult check = RepairTrial.CheckOf(after);
        Assert.True(check is { Corruptions: 0, LeakedClusters: 0 }, $"{name}: {string.Join("; ", check.Issues.Take(5))}");
        image.AssertSameGuest(after);
        int zeroes = mode == OptimizeMode.Quick ? image.Zeroes : 0;
        int marks = mode != OptimizeMode.Quick && hasBacking ? image.Zeroes : 0;
        Assert.Equal((image.Data + zeroes, marks), (check.AllocatedClusters, check.ZeroClusters));
        if (mode == OptimizeMode.Defragment)
            Assert.Equal(0, check.FragmentedClusters);
    }

    private static void AssertSameForQemu(byte[] before, byte[] after, int tableSize)
    {
        // QEMU does not open images with tables of one cluster.
        if (tableSize == 1 || !Qemu.IsInstalled)
            return;
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["base.raw"], Patterns.Filled(1 << 20, 0xbb));
        TestImage.WriteSparsely(folder["before.qed"], before);
        TestImage.WriteSparsely(folder["after.qed"], after);
        Qemu.AssertSound(folder["after.qed"]);
        Qemu.ImgOk("compare", "-f", "qed", "-F", "qed", folder["before.qed"], folder["after.qed"]);
    }
}
