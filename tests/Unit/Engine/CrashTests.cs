using System;
using System.IO;
using Qed.Checking;
using Qed.Engine;
using Qed.Layout;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>A crash at any change, with unflushed changes lost, reordered or torn, leaves flushed data intact.</summary>
public sealed class CrashTests
{
    private const int DiskSize = 5 << 20;

    [Theory]
    [InlineData(false, 11)]
    [InlineData(false, 12)]
    [InlineData(false, 13)]
    [InlineData(true, 21)]
    [InlineData(true, 22)]
    [InlineData(true, 23)]
    public void Flushed_data_survives_a_crash_at_any_change(bool withBacking, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        byte[] below = withBacking ? Patterns.Random(3 << 20, seed) : [];
        var storage = new MemoryStorage(EmptyImage(withBacking, below));
        var log = new CrashLog(storage);
        byte[] model = new byte[DiskSize];
        below.CopyTo(model, 0);

        // What each byte may be: its last flushed value, or any value written since.
        var history = new FlushHistory(model);
        QedImage image = Open(storage, below, verified: false);
        for (int step = 0; step < 60; step++)
        {
            int offset = random.Next(DiskSize / 512) * 512;
            int length = Math.Min(random.Next(1, 60) * 512, DiskSize - offset);
            history.Begin(log.Count);
            switch (random.Next(7))
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
                default:
                    image.Flush();
                    history.Flush(log.Count);
                    break;
            }
        }

        image.Dispose();
        history.Flush(log.Count);
        for (int crash = 0; crash <= log.Count; crash++)
        {
            byte[] file = log.CrashAt(crash, random);
            RequireSound(file, below, history, crash, seed);
        }
    }

    private static void RequireSound(byte[] file, byte[] below, FlushHistory history, int crash, int seed)
    {
        string where = $"seed {seed}, crash before change {crash}";
        var storage = new MemoryStorage(file);
        CheckResult check = new ImageChecker(storage, 10).Run(ProgressMeter.Silent, default);
        Assert.True(check.Corruptions == 0, where + ": " + string.Join("; ", check.Issues));
        using QedImage image = Open(storage, below, verified: true);
        byte[] disk = new byte[DiskSize];
        image.Read(new GuestOffset(0), disk);
        int wrong = history.FirstImpossible(disk, crash);
        Assert.True(wrong < 0, $"{where}: the byte at {wrong} is neither what was flushed nor what was written since");
    }

    private static QedImage Open(BlockStorage storage, byte[] below, bool verified)
    {
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, NeedCheckVerified = verified });
        if (below.Length > 0)
            image.AttachBacking(new MemoryDisk(below));
        return image;
    }

    private static byte[] EmptyImage(bool withBacking, byte[] below)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["base.raw"], below);
        TestImage.Create(folder["image.qed"], DiskSize, 4096, 1, withBacking ? "base.raw" : null);
        return File.ReadAllBytes(folder["image.qed"]);
    }
}
