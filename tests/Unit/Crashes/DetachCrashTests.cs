using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Engine;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>
/// An image that comes to stand alone while guests write to it keeps, wherever the power fails, its backing file's name for as
/// long as it needs that, and what was flushed; gone on with, it stands alone and reads as it was left.
/// </summary>
public sealed class DetachCrashTests
{
    private const int Cluster = 4096;
    private const int Size = (24 * Cluster) + 1536;
    private const string Name = "base.raw";

    // Clusters that the device has behind the image as it is at first.
    private const int Room = 60;

    // Of so many states one is gone on with, and of so many of those one is crashed again in that.
    private const int FinishEvery = 8;
    private const int CrashAgainEvery = 16;

    private readonly HashSet<ulong> _seen = [];
    private readonly byte[] _beneath = Beneath();
    private int _finished;

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    [InlineData(false, 3)]
    [InlineData(true, 4)]
    [InlineData(true, 5)]
    [InlineData(true, 6)]
    public void Requests_between_its_reads_are_as_safe_as_without_it(bool onDevice, int seed)
    {
        var random = new Random(seed);
        (MemoryStorage file, byte[] start) = Overlay(onDevice);
        var history = new FlushHistory(start);
        var log = new CrashLog(file);
        var background = new Background();
        using (Session session = Open(file, background))
        {
            // Its own requests read beneath, too.
            bool isAtWork = false;
            void Work()
            {
                if (isAtWork)
                    return;
                isAtWork = true;
                for (int i = random.Next(1, 5); i > 0; i--)
                    Request(session.Image, history, log, random);
                // Idle for long enough, the mark is taken back.
                for (int i = random.Next(4); i == 3 && background.IsTicking; i = random.Next(3, 5))
                    background.Tick();
                isAtWork = false;
            }

            (session.Below.BeforeRead, session.Below.AfterRead) = (Work, Work);
            history.Begin(log.Count);
            DetachImage.Run(session.Image, new DetachImageOptions());
            history.Flush(log.Count);
            Work();
            history.Begin(log.Count);
        }

        history.Flush(log.Count);
        LookAtAll(log, [history], random, $"seed {seed}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{_seen.Count} states, {_finished} of them gone on with");
        Assert.True(_seen.Count > 500, $"only {_seen.Count} states");
        Assert.True(_finished > 20, $"only {_finished} were gone on with");
    }

    [Theory]
    [InlineData(false, 7)]
    [InlineData(true, 8)]
    public async Task So_are_those_of_several_guests_at_once(bool onDevice, int seed)
    {
        const int Guests = 3;
        var random = new Random(seed);
        (MemoryStorage file, byte[] start) = Overlay(onDevice);
        // Each has clusters of its own, and drops what another may get.
        FlushHistory[] guests = [.. Enumerable.Range(0, Guests).Select(guest => new FlushHistory(start, offset => offset / Cluster % Guests == guest))];
        var log = new CrashLog(file);
        using (Session session = Open(file, new Background()))
        {
            Task[] working = [.. guests.Select((history, guest) => Task.Run(() =>
            {
                var own = new Random((seed * Guests) + guest);
                for (int i = 0; i < 25; i++)
                    Request(session.Image, history, log, own, guest, Guests);
            }))];
            DetachImage.Run(session.Image, new DetachImageOptions());
            await Task.WhenAll(working);
            Array.ForEach(guests, history => history.Begin(log.Count));
        }

        Array.ForEach(guests, history => history.Flush(log.Count));
        LookAtAll(log, guests, random, $"seed {seed}");
        // Guests that come one after the other make fewer.
        Assert.True(_seen.Count > 150, $"only {_seen.Count} states");
    }

    /// <summary>Data with gaps, and none behind a part of a cluster.</summary>
    private static byte[] Beneath()
    {
        byte[] disk = new byte[(20 * Cluster) + 512];
        Patterns.Random(9 * Cluster, 21).CopyTo(disk, 0);
        Patterns.Random((9 * Cluster) + 512, 22).CopyTo(disk, 11 * Cluster);
        return disk;
    }

    /// <summary>An image that says something of each fourth cluster, so that what lies beneath is read in many pieces; and what it reads as.</summary>
    private (MemoryStorage File, byte[] Disk) Overlay(bool onDevice)
    {
        byte[] disk = new byte[Size];
        _beneath.CopyTo(disk, 0);
        byte[] bytes = TestImage.Bytes(Size, Cluster, 1, image =>
        {
            image.SetBackingName(new BackingReference(Name, BackingReference.RawName));
            image.AttachBacking(new WatchedDisk(_beneath));
            for (int cluster = 1; cluster * Cluster < Size; cluster += 4)
            {
                byte[] data = Patterns.Filled(Cluster, (byte)(0x80 + cluster));
                image.Write(cluster * Cluster, data);
                data.CopyTo(disk, cluster * Cluster);
            }

            image.Discard(3 * Cluster, Cluster);
            disk.AsSpan(3 * Cluster, Cluster).Clear();
        });
        return (onDevice ? StaleDevice.Of(bytes, bytes.Length + (Room * Cluster)) : new MemoryStorage(bytes) { HasHoles = true }, disk);
    }

    private static void Request(QedImage image, FlushHistory history, CrashLog log, Random random, int guest = 0, int guests = 1)
    {
        int length = guests == 1 ? random.Next(1, 3 * Cluster) : random.Next(1, Cluster + 1);
        int offset = guests == 1 ? random.Next(Size) : ((random.Next(Size / Cluster / guests) * guests) + guest) * Cluster;
        length = Math.Min(length, Size - offset);
        history.Begin(log.Count);
        switch (random.Next(6))
        {
            case 0:
                image.Flush();
                history.Flush(log.Count);
                break;
            case 1:
                history.Write(offset, length, 0);
                image.WriteZeroes(offset, length);
                break;
            case 2 or 3:
                history.Write(offset, length, 0);
                image.Discard(offset, length);
                break;
            default:
                byte[] data = Patterns.Filled(length, (byte)random.Next(1, 128));
                history.Write(offset, data);
                image.Write(offset, data);
                break;
        }
    }

    private void LookAtAll(CrashLog log, FlushHistory[] histories, Random random, string where)
    {
        int all = log.Count;
        for (int crash = 0; crash <= all; crash++)
        {
            foreach (MemoryStorage[] state in log.StatesAt(crash, isNewOnly: crash > 0 && crash < all, random))
                Look(state[0], histories, crash, random, $"{where}, before change {crash} of {all}");
        }
    }

    private void Look(MemoryStorage file, FlushHistory[] histories, int crash, Random random, string where)
    {
        if (!_seen.Add((file.Fingerprint * 31) + (ulong)histories.Sum(history => history.FlushesBefore(crash))))
            return;
        RequireSound(file, where);
        byte[] disk = Read(file);
        foreach (FlushHistory history in histories)
            Assert.True(history.FirstImpossible(disk, crash) is -1, $"{where}: the byte at {history.FirstImpossible(disk, crash)} is neither what was flushed nor what was written since");
        if (random.Next(FinishEvery) == 0)
            GoOn(file, disk, random, where);
    }

    /// <summary>Another run ends what was begun; a crash in that loses nothing either.</summary>
    private void GoOn(MemoryStorage file, byte[] disk, Random random, string where)
    {
        MemoryStorage again = file.Fork();
        CrashLog? log = _finished++ % CrashAgainEvery == 0 ? new CrashLog(again) : null;
        using (Session session = Open(again, new Background()))
        {
            DetachImage.Run(session.Image, new DetachImageOptions());
            Assert.Null(session.Image.BackingReference);
        }

        RequireSound(again, where + ", ended", mayBeMarked: false);
        Assert.True(Read(again).AsSpan().SequenceEqual(disk), where + ", ended: it does not read as it was left");
        for (int crash = 0; crash <= log?.Count; crash++)
        {
            MemoryStorage state = log.CrashAt(crash, random)[0];
            RequireSound(state, $"{where}, then before change {crash}");
            Assert.True(Read(state).AsSpan().SequenceEqual(disk), $"{where}, then before change {crash}: it does not read as it was left");
        }
    }

    private static void RequireSound(MemoryStorage file, string where, bool mayBeMarked = true)
    {
        CheckResult check = new ImageChecker(file, 10).Run(ProgressMeter.Silent, default);
        Assert.True(check.Corruptions == 0 && (check.NeedsCheck ? mayBeMarked : check.LeakedClusters == 0), $"{where}: {string.Join("; ", check.Issues)}, needs a check: {check.NeedsCheck}");
    }

    private byte[] Read(MemoryStorage file)
    {
        using QedImage image = QedImage.Open(file.Fork(canWrite: false));
        if (image.BackingReference is { } backing)
        {
            Assert.Equal(Name, backing.Name);
            image.AttachBacking(new WatchedDisk(_beneath));
        }

        byte[] disk = new byte[image.Length];
        image.Read(0, disk);
        return disk;
    }

    private Session Open(MemoryStorage file, Background background)
    {
        ImageForChange opened = ImageForChange.Open(file, new ChangeNeeds { Background = background }, null, default);
        var below = new WatchedDisk(_beneath);
        if (opened.Image.BackingReference is not null)
            opened.Image.AttachBacking(below);
        opened.Begin(NullLogger.Instance);
        return new Session(opened, below);
    }

    private sealed record Session(ImageForChange Opened, WatchedDisk Below) : IDisposable
    {
        internal QedImage Image => Opened.Image;

        public void Dispose() => Opened.Dispose();
    }
}
