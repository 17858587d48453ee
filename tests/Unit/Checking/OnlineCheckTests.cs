using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Checking;

public sealed class OnlineCheckTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_image_that_qemu_io_keeps_writing_is_checked_without_a_lock_and_without_false_alarm()
    {
        Qemu.Require();
        string image = TestImage.Create(_folder["image.qed"], 1L << 30, 4096, 2);
        using var writer = new QemuIoSession(image);
        using var stop = new CancellationTokenSource();
        Task writing = Task.Run(() =>
        {
            var random = new Random(3);
            for (int i = 0; !stop.IsCancellationRequested; i++)
                writer.Run($"write -q -P {i % 255 + 1} {random.Next(1 << 18) * 4096L} {random.Next(1, 200) * 512}");
        });
        long before = new FileInfo(image).Length;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => new FileInfo(image).Length > before, TimeSpan.FromSeconds(30)), "The writer did not write.");
            for (int i = 0; i < 6; i++)
            {
                CheckResult result = CheckImage.Run(new CheckImageOptions { Path = image, Online = true });
                Assert.True(result.IsClean, string.Join("; ", result.Issues));
                Assert.True(result.IsOnline);
            }

            Fails.With(ErrorKind.ImageInUse, () => CheckImage.Run(new CheckImageOptions { Path = image }));
        }
        finally
        {
            await stop.CancelAsync();
            await writing;
        }
    }

    [Fact]
    public async Task An_image_whose_clusters_are_dropped_and_used_again_meanwhile_is_checked_without_false_alarm()
    {
        const int Cluster = 4096;
        const int Clusters = 2048;
        string path = TestImage.Create(_folder["image.qed"], Clusters * Cluster, Cluster, 1);
        using var image = (QedImage)OpenImage.ForWriting(path);
        using var stop = new CancellationTokenSource();
        long rounds = 0;
        Task writing = Task.Run(() =>
        {
            var random = new Random(5);
            byte[] data = Patterns.Random(16 * Cluster, 5);
            while (!stop.IsCancellationRequested)
            {
                var at = new GuestOffset(random.Next(Clusters - 16) * (long)Cluster);
                int length = random.Next(1, 16) * Cluster;
                if (random.Next(2) == 0)
                    image.Write(at, data.AsSpan(0, length));
                else
                    image.Discard(at, length);
                if (random.Next(8) == 0)
                    image.Flush();
                Interlocked.Increment(ref rounds);
            }
        });
        try
        {
            for (int i = 0; i < 20; i++)
            {
                // Each check has seen changes since the last one.
                long before = Interlocked.Read(ref rounds);
                Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref rounds) > before + 20, TimeSpan.FromSeconds(60)), "The writer did not write.");
                CheckResult result = CheckImage.Run(new CheckImageOptions { Path = path, Online = true });
                Assert.DoesNotContain(result.Issues, issue => issue.Kind != CheckIssueKind.LeakedClusters);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await writing;
        }
    }

    [Fact]
    public void A_corruption_and_a_leak_in_an_image_that_is_being_written_are_found_all_the_same()
    {
        Qemu.Require();
        string image = TestImage.Create(_folder["image.qed"], 64 << 20, 4096, 2);
        TestImage.Write(image, 0, Patterns.Random(8192, 1));
        byte[] bytes = File.ReadAllBytes(image);
        long table = (long)bytes.UInt64At(4096);
        // The second cluster's entry is overwritten, so its cluster is orphaned.
        File.WriteAllBytes(image, bytes.With((int)table + 8, 0x7fff0000UL));
        using var writer = new QemuIoSession(image);
        writer.Run("write 1m 64k");
        CheckResult result = CheckImage.Run(new CheckImageOptions { Path = image, Online = true });
        Assert.Equal(1, result.Corruptions);
        Assert.Equal(1, result.LeakedClusters);
        Assert.Equal(
            [CheckIssueKind.EntryBeyondEndOfFile, CheckIssueKind.LeakedClusters],
            result.Issues.Select(issue => issue.Kind));
    }

    [Fact]
    public void A_check_reads_no_faster_than_it_was_told()
    {
        string image = TestImage.Create(_folder["image.qed"], 1 << 20, 65536, 4);
        TestImage.Write(image, 0, Patterns.Filled(512, 1));
        var watch = Stopwatch.StartNew();
        // Header, L1 table and one L2 table of 256 KiB each.
        CheckResult result = CheckImage.Run(new CheckImageOptions { Path = image, MaximumBytesPerSecond = 1 << 20 });
        Assert.True(result.IsClean);
        Assert.True(watch.Elapsed > TimeSpan.FromMilliseconds(250), $"{watch.Elapsed}");
    }

    [Fact]
    public void A_slow_check_can_be_cancelled()
    {
        string image = TestImage.Create(_folder["image.qed"], 1 << 20, 65536, 4);
        TestImage.Write(image, 0, Patterns.Filled(512, 1));
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.ThrowsAny<OperationCanceledException>(() => CheckImage.Run(
            new CheckImageOptions { Path = image, MaximumBytesPerSecond = 1000 }, cancellation: cancellation.Token));
    }
}
