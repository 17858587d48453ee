using System;
using System.IO;
using System.Threading.Tasks;
using Qed.Checking;
using Qed.Engine;
using Qed.Storage;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>A crash at any change, with unflushed changes lost, reordered or torn, leaves flushed data intact.</summary>
public sealed class CrashTests
{
    private const int DiskSize = 3 << 20;
    private const int BackingSize = 2 << 20;
    private const int SamplesEach = 2;

    private readonly byte[] _disk = new byte[DiskSize];

    [Theory]
    [InlineData(false, false, 11)]
    [InlineData(false, false, 12)]
    [InlineData(false, false, 13)]
    [InlineData(true, false, 21)]
    [InlineData(true, false, 22)]
    [InlineData(true, false, 23)]
    [InlineData(false, true, 14)]
    [InlineData(false, true, 15)]
    [InlineData(true, true, 24)]
    public void Flushed_data_survives_a_crash_at_any_change(bool withBacking, bool onDevice, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        byte[] below = withBacking ? Patterns.Random(BackingSize, seed) : [];
        MemoryStorage storage = EmptyImage(withBacking, below, onDevice);
        var log = new CrashLog(storage);
        byte[] model = new byte[DiskSize];
        below.CopyTo(model, 0);

        // What each byte may be: its last flushed value, or any value written since.
        var history = new FlushHistory(model);
        QedImage image = Open(storage, below, verified: false, new Background());
        for (int step = 0; step < 90; step++)
        {
            // Mostly in one part of the disk, so that what is freed is used again.
            int offset = random.Next((random.Next(4) == 0 ? DiskSize : DiskSize / 12) / 512) * 512;
            int length = Math.Min(random.Next(1, 60) * 512, DiskSize - offset);
            history.Begin(log.Count);
            switch (random.Next(9))
            {
                case < 4:
                    byte value = (byte)random.Next(256);
                    image.Write(new GuestOffset(offset), Patterns.Filled(length, value));
                    history.Write(offset, length, value);
                    break;
                case 4 or 5:
                    image.WriteZeroes(new GuestOffset(offset), length);
                    history.Write(offset, length, 0);
                    break;
                case 6:
                    length = Math.Min(10 * length, DiskSize - offset);
                    image.Discard(new GuestOffset(offset), length);
                    history.Write(offset, length, 0);
                    break;
                default:
                    image.Flush();
                    history.Flush(log.Count);
                    break;
            }
        }

        Assert.True(image.Space.FreeCount is not null, "no free cluster was looked for");
        image.Dispose();
        history.Flush(log.Count);
        int stride = Math.Max(1, log.Count / 200);
        for (int crash = random.Next(stride); crash <= log.Count; crash += stride)
        {
            for (int sample = 0; sample < SamplesEach; sample++)
                RequireSound(MemoryStorage.Over(log.CrashAt(crash, random), onDevice), below, [history], $"seed {seed}, sample {sample}, crash before change {crash}", crash);
        }
    }

    [Theory]
    [InlineData(false, false, 512, 31)]
    [InlineData(true, false, 512, 41)]
    [InlineData(false, false, 4096, 32)]
    [InlineData(false, false, 4096, 33)]
    [InlineData(true, false, 4096, 42)]
    [InlineData(true, false, 4096, 43)]
    [InlineData(false, true, 512, 34)]
    [InlineData(false, true, 4096, 35)]
    [InlineData(true, true, 4096, 44)]
    public void Data_that_several_threads_have_written_and_flushed_survives_a_crash_at_any_change(bool withBacking, bool onDevice, int unit, int seed)
    {
        const int Threads = 4;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        byte[] below = withBacking ? Patterns.Random(BackingSize, seed) : [];
        MemoryStorage storage = EmptyImage(withBacking, below, onDevice);
        var log = new CrashLog(storage);
        byte[] model = new byte[DiskSize];
        below.CopyTo(model, 0);
        var histories = new FlushHistory[Threads];
        using (QedImage image = Open(storage, below, verified: false))
            Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread => histories[thread] = Work(image, log, model, (thread, Threads), unit, seed));
        foreach (FlushHistory history in histories)
            history.Flush(log.Count);
        var random = new Random(seed);
        int step = Math.Max(1, log.Count / 150);
        for (int crash = random.Next(step); crash <= log.Count; crash += step)
            RequireSound(MemoryStorage.Over(log.CrashAt(crash, random), onDevice), below, histories, $"seed {seed}, crash before change {crash} of {log.Count}", crash);
        RequireSound(storage, below, histories, $"seed {seed}, no crash", log.Count);
    }

    /// <summary>
    /// Writes in every so many units. Sectors lie in the same clusters as those of the other threads; clusters are a thread's own,
    /// which drops them, and what it has dropped another thread gets.
    /// </summary>
    private static FlushHistory Work(QedImage image, CrashLog log, byte[] model, (int Number, int Count) thread, int unit, int seed)
    {
        var random = new Random((seed * 1000) + thread.Number);
        var history = new FlushHistory(model, offset => offset / unit % thread.Count == thread.Number);
        for (int step = 0; step < 60; step++)
        {
            int place = ((random.Next(DiskSize / unit / thread.Count / 8) * thread.Count) + thread.Number) * unit;
            int length = unit;
            history.Begin(log.Count);
            if (random.Next(6) == 0)
            {
                image.Flush();
                history.Flush(log.Count);
                continue;
            }

            byte value = (byte)random.Next(3);
            if (value == 0)
            {
                image.Discard(new GuestOffset(place), length);
            }
            else
            {
                length = random.Next(1, (unit / 512) + 1) * 512;
                image.Write(new GuestOffset(place), Patterns.Filled(length, value));
            }

            history.Write(place, length, value);
        }

        return history;
    }

    private void RequireSound(MemoryStorage storage, byte[] below, FlushHistory[] histories, string where, int crash)
    {
        CheckResult check = new ImageChecker(storage, 10).Run(ProgressMeter.Silent, default);
        Assert.True(check.Corruptions == 0, where + ": " + string.Join("; ", check.Issues));
        using QedImage image = Open(storage, below, verified: true);
        image.Read(new GuestOffset(0), _disk);
        foreach (FlushHistory history in histories)
        {
            int wrong = history.FirstImpossible(_disk, crash);
            Assert.True(wrong < 0, $"{where}: the byte at {wrong} is neither what was flushed nor what was written since");
        }
    }

    private static QedImage Open(BlockStorage storage, byte[] below, bool verified, BackgroundWork? background = null)
    {
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, NeedCheckVerified = verified, Background = background ?? BackgroundWork.OnThreads });
        if (below.Length > 0)
            image.AttachBacking(new MemoryDisk(below));
        return image;
    }

    private static MemoryStorage EmptyImage(bool withBacking, byte[] below, bool onDevice)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["base.raw"], below);
        TestImage.Create(folder["image.qed"], DiskSize, 4096, 1, withBacking ? "base.raw" : null);
        byte[] bytes = File.ReadAllBytes(folder["image.qed"]);
        return onDevice ? StaleDevice.Of(bytes, DiskSize * 3 / 2) : new MemoryStorage(bytes);
    }
}
