using System;
using System.IO;
using System.Linq;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Compaction;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>
/// A crash at any change of a shrink, a growth or a new backing file leaves an image that opens, without corruption, with
/// the old guest contents or the new ones; what was cut short can be done again.
/// </summary>
public sealed class ChangeCrashTests : IDisposable
{
    private const int Cluster = 4096;

    private readonly TempFolder _folder = new();
    private bool _onDevice;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, (2 << 20) + (1 << 19), 1_000_448, false, 31)]
    [InlineData(2, 5 << 20, 512, false, 32)]
    [InlineData(1, 5 << 20, 2 << 20, false, 33)]
    [InlineData(4, (3 << 20) + 512, 512, false, 34)]
    [InlineData(1, 5 << 20, 2 << 20, true, 35)]
    public void A_shrink(int tableSize, int oldSize, int newSize, bool onDevice, int seed)
    {
        _onDevice = onDevice;
        byte[] old = Content(oldSize, seed);
        byte[] start = MediumOf(ImageOf(old, tableSize, seed));
        int looks = 0;
        CrashAnywhere(start, seed, image => Shrink(image, newSize), (crashed, where) =>
        {
            byte[] disk = ReadAfter(crashed, where, below: null);
            Assert.True(disk.Length == oldSize ? disk.AsSpan().SequenceEqual(old) : disk.AsSpan().SequenceEqual(old.AsSpan(0, newSize)), where);
            if (looks++ % 12 == 0)
                AssertCanBeDoneAgain(crashed, old, newSize, where);
        });
    }

    [Theory]
    [InlineData(true, (1 << 20) + 512, false, 41)]
    [InlineData(true, 1 << 20, false, 42)]
    [InlineData(false, (1 << 20) + 512, false, 43)]
    [InlineData(true, (1 << 20) + 512, true, 44)]
    public void A_growth(bool withBacking, int oldSize, bool onDevice, int seed)
    {
        _onDevice = onDevice;
        const int NewSize = 5 << 20;
        byte[] below = withBacking ? Patterns.Random(4 << 20, seed) : [];
        byte[] start = MediumOf(EmptyImage(oldSize, below));
        byte[] old = new byte[oldSize];
        below.AsSpan(0, Math.Min(below.Length, oldSize)).CopyTo(old);
        CrashAnywhere(start, seed, image => image.SetSize(NewSize), (crashed, where) =>
        {
            byte[] disk = ReadAfter(crashed, where, below);
            Assert.True(disk.Length is NewSize || disk.Length == oldSize, where);
            Assert.True(disk.AsSpan(0, oldSize).SequenceEqual(old), where);
            Assert.True(disk.AsSpan(oldSize).IndexOfAnyExcept((byte)0) < 0, where);
            MemoryStorage again = StorageOf(crashed);
            using QedImage image = Open(again, below);
            image.SetSize(NewSize);
            Assert.True(Read(image).AsSpan(oldSize).IndexOfAnyExcept((byte)0) < 0, where);
        }, below);
    }

    [Theory]
    [InlineData(true, false, 51)]
    [InlineData(false, false, 52)]
    [InlineData(false, true, 53)]
    public void A_new_backing_file_with_its_data_copied(bool toAnother, bool onDevice, int seed)
    {
        _onDevice = onDevice;
        const int Size = 2 << 20;
        byte[] oldBelow = Content(Size, seed);
        byte[] newBelow = (byte[])oldBelow.Clone();
        Patterns.Random(300_000, seed + 1).CopyTo(newBelow, 400_000);
        newBelow.AsSpan(1 << 20, 200_000).Clear();
        byte[] start = MediumOf(EmptyImage(Size, oldBelow));
        CrashAnywhere(start, seed, image =>
        {
            using var future = new MemoryDisk(newBelow);
            new RebaseCopier(image, toAnother ? future : null).Run(ProgressMeter.Silent, default);
            image.Flush();
            image.SetBackingName(toAnother ? new BackingReference("other.raw", "raw") : null);
        }, (crashed, where) =>
        {
            string? name = NameIn(crashed);
            Assert.True(name is "base.raw" || name == (toAnother ? "other.raw" : null), where);
            byte[] disk = ReadAfter(crashed, where, name switch { "base.raw" => oldBelow, null => null, _ => newBelow });
            Assert.True(disk.AsSpan().SequenceEqual(oldBelow), where);
        }, oldBelow);
    }

    [Theory]
    [InlineData("base.raw", "another/longer/name/of/a/file.qed", 61)]
    [InlineData("base.raw", "x", 62)]
    [InlineData("base.raw", null, 63)]
    [InlineData(null, "base.raw", 64)]
    public void A_change_of_the_backing_name_alone(string? old, string? @new, int seed)
    {
        string path = TestImage.Create(_folder["image.qed"], 1 << 20, Cluster, 1);
        SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = old, MetadataOnly = true });
        var seen = new System.Collections.Generic.HashSet<string>();
        CrashAnywhere(File.ReadAllBytes(path), seed, image => image.SetBackingName(@new is null ? null : new BackingReference(@new, null)), (crashed, where) =>
        {
            string? name = NameIn(crashed);
            Assert.True(name == old || name == @new, $"{where}: '{name}'");
            Assert.Equal(0, Check(crashed).Corruptions);
            seen.Add(name ?? "none");
        });
        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public void Names_of_the_greatest_length_follow_each_other_without_touching()
    {
        string path = TestImage.Create(_folder["image.qed"], 1 << 20, Cluster, 1);
        for (int i = 0; i < 6; i++)
        {
            string name = new((char)('a' + i), 1023);
            byte[] start = File.ReadAllBytes(path);
            string? old = NameIn(start);
            CrashAnywhere(start, 70 + i, image => image.SetBackingName(new BackingReference(name, null)), (crashed, where) =>
            {
                string? found = NameIn(crashed);
                Assert.True(found == old || found == name, where);
            });
            SetBackingFile.Run(new SetBackingFileOptions { Path = path, BackingPath = name, MetadataOnly = true });
        }
    }

    /// <summary>Runs a change, then looks at the file as a crash before each of its writes might leave it.</summary>
    private void CrashAnywhere(byte[] start, int seed, Action<QedImage> change, Action<byte[], string> look, byte[]? below = null)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        MemoryStorage storage = StorageOf(start);
        var log = new CrashLog(storage);
        using (QedImage image = Open(storage, below, verified: false))
            change(image);
        Assert.True(log.Count > 0);
        // Several crashes at each change where there are few, about a hundred in all where there are many.
        int step = Math.Max(1, log.Count / 100);
        int each = Math.Max(2, 90 / log.Count);
        for (int crash = 0; crash <= log.Count; crash += step)
        {
            for (int i = 0; i < each; i++)
                look(log.CrashAt(crash, random), $"seed {seed}, crash {i} before change {crash} of {log.Count}");
        }

        look(storage.ToArray(), $"seed {seed}, no crash");
    }

    private byte[] ReadAfter(byte[] file, string where, byte[]? below)
    {
        CheckResult check = Check(file);
        Assert.True(check.Corruptions == 0, where + ": " + string.Join("; ", check.Issues));
        Assert.True(check.NeedsCheck || check.LeakedClusters == 0, where + ": space is lost, and nobody hears of it");
        using QedImage image = Open(StorageOf(file), below);
        return Read(image);
    }

    /// <summary>Through the front door: the image opens for writing, shrinks to the same size and grows without showing what was dropped.</summary>
    private void AssertCanBeDoneAgain(byte[] crashed, byte[] old, int newSize, string where)
    {
        string path = _folder["again.qed"];
        File.WriteAllBytes(path, crashed);
        ResizeImage.Run(new ResizeImageOptions { Path = path, Size = newSize, AllowShrink = true });
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = path });
        Assert.True(check is { Corruptions: 0, EntriesBeyondEnd: 0, NeedsCheck: false }, where + ": " + string.Join("; ", check.Issues));
        ResizeImage.Run(new ResizeImageOptions { Path = path, Size = old.Length });
        byte[] disk = TestImage.ReadAll(path);
        Assert.True(disk.AsSpan(0, newSize).SequenceEqual(old.AsSpan(0, newSize)), where);
        Assert.True(disk.AsSpan(newSize).IndexOfAnyExcept((byte)0) < 0, where);
    }

    private static void Shrink(QedImage image, int size)
    {
        image.SetSize(size);
        image.Rearrange(storage => new ClusterReclaimer(storage, null, default).Run());
    }

    private CheckResult Check(byte[] file) => new ImageChecker(StorageOf(file), 10).Run(ProgressMeter.Silent, default);

    private static string? NameIn(byte[] file)
    {
        var storage = new MemoryStorage(file);
        return QedHeaderReader.ReadBackingName(storage, QedHeaderReader.Read(storage));
    }

    private static QedImage Open(MemoryStorage storage, byte[]? below, bool verified = true)
    {
        QedImage image = QedImage.Open(storage, new QedOpenOptions { ForWriting = true, NeedCheckVerified = verified });
        if (below is { Length: > 0 })
            image.AttachBacking(new MemoryDisk(below));
        return image;
    }

    private MemoryStorage StorageOf(byte[] bytes) => new(bytes) { IsDevice = _onDevice };

    private byte[] MediumOf(byte[] image) => _onDevice ? StaleDevice.Bytes(image, image.Length + (4 << 20)) : image;

    private static byte[] Read(QedImage image)
    {
        byte[] disk = new byte[image.Length];
        image.Read(new GuestOffset(0), disk);
        return disk;
    }

    /// <summary>Runs of random bytes with holes between them.</summary>
    private static byte[] Content(int size, int seed)
    {
        byte[] content = new byte[size];
        for (int start = 0; start < size; start += 90_000)
            Patterns.Random(Math.Min(60_000, size - start), seed + start).CopyTo(content, start);
        return content;
    }

    /// <summary>An image written in random order, so that a shrink has much to move.</summary>
    private byte[] ImageOf(byte[] content, int tableSize, int seed)
    {
        string path = TestImage.Create(_folder["image.qed"], content.Length, Cluster, tableSize);
        int[] blocks = Enumerable.Range(0, (content.Length + 29_999) / 30_000).ToArray();
        new Random(seed).Shuffle(blocks);
        using (var image = (QedImage)OpenImage.ForWriting(path, NullLogger.Instance))
        {
            foreach (int block in blocks)
            {
                ReadOnlySpan<byte> part = content.AsSpan(block * 30_000, Math.Min(30_000, content.Length - (block * 30_000)));
                if (part.IndexOfAnyExcept((byte)0) >= 0)
                    image.Write(new GuestOffset(block * 30_000), part);
            }
        }

        return File.ReadAllBytes(path);
    }

    private byte[] EmptyImage(int size, byte[] below)
    {
        File.WriteAllBytes(_folder["base.raw"], below);
        string path = TestImage.Create(_folder["image.qed"], size, Cluster, 1, below.Length > 0 ? "base.raw" : null, below.Length > 0 ? "raw" : null);
        return File.ReadAllBytes(path);
    }
}
