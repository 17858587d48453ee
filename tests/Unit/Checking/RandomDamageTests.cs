using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Checking;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>Table entries of a real file system's image overwritten at random: the repair ends, and what it leaves is listed.</summary>
public sealed class RandomDamageTests
{
    private const int Rounds = 15;

    private static readonly Lazy<byte[]> FileSystem = new(MakeFileSystem);

    public static TheoryData<int, int, bool, int, int> Damages() => new()
    {
        { 4096, 1, false, 3000, 11 },
        { 4096, 1, false, 60, 12 },
        { 4096, 2, false, 1500, 13 },
        { 4096, 2, false, 100, 14 },
        { 4096, 4, false, 4000, 15 },
        { 16384, 2, false, 300, 16 },
        { 65536, 4, false, 1000, 17 },
        { 4096, 2, true, 300, 18 },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_repair_of_a_damaged_file_system_image_ends_clean_or_with_what_cannot_be_decided(int clusterSize, int tableSize, bool onDevice, int hits, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        byte[] sound = MakeImage(clusterSize, tableSize);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] broken = (byte[])sound.Clone();
            Damage(broken, hits >> (round % 5), random);
            if (onDevice)
                broken = StaleDevice.Bytes(broken, sound.Length + (4 << 20));
            var storage = new MemoryStorage(broken) { IsDevice = onDevice, MostBytesMoved = RepairTrial.MostBytesToMove(broken) };
            var undo = new MemoryUndoStore();
            (CheckResult check, _) = new ReversibleRepair(storage, undo).Run(RepairMode.All, CancellationToken.None);
            string name = $"seed {seed}, round {round}";
            AssertOnlyUndecidable(check, onDevice, name);
            // Bounded: each reference gets one copy at most.
            Assert.True(storage.Length <= 40L * sound.Length, $"{name}: the file has grown to {storage.Length} bytes");
            AssertRepeatable(storage.ToArray(), onDevice, check, name);
            if (undo.Exists)
                new ReversibleRepair(storage, undo).Undo(force: false);
            Assert.True(storage.ToArray().AsSpan().SequenceEqual(broken), $"{name}: undoing does not lead back");
        }
    }

    [Fact]
    public void Damage_to_a_few_entries_leaves_the_rest_of_the_file_system_as_it_was()
    {
        const int Cluster = 4096;
        byte[] broken = MakeImage(Cluster, 2);
        // Five data entries of the first table get bad values; whatever they mapped is lost, and nothing else.
        long table = (long)broken.UInt64At((long)broken.UInt64At(40));
        int[] hit = Enumerable.Range(0, 1024).Where(entry => broken.UInt64At(table + (entry * 8)) > 1).Take(5).ToArray();
        foreach (int entry in hit)
            broken.With((int)table + (entry * 8), 0xdeadbeefUL + (ulong)entry);
        RepairTrial trial = RepairTrial.Run(broken, RepairMode.All, "five entries");
        trial.AssertClean();
        trial.AssertSoundForQemu(2);
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["image.qed"], trial.After);
        byte[] disk = TestImage.ReadAll(folder["image.qed"]);
        for (int cluster = 0; cluster < disk.Length / Cluster; cluster++)
        {
            ReadOnlySpan<byte> expected = hit.Contains(cluster) ? new byte[Cluster] : FileSystem.Value.AsSpan(cluster * Cluster, Cluster);
            Assert.True(disk.AsSpan(cluster * Cluster, Cluster).SequenceEqual(expected), $"cluster {cluster}");
        }
    }

    /// <summary>
    /// What may be left is about L1 entries: that they are wrong, what their tables say, and what leads into those.
    /// </summary>
    private static void AssertOnlyUndecidable(CheckResult check, bool onDevice, string name)
    {
        if (check.Corruptions == 0)
        {
            Assert.True(check.IsClean && !check.NeedsCheck, $"{name}: {check.LeakedClusters} leaks are left");
            return;
        }

        Assert.True(check.LeakedClusters + check.FreeClusters > 0, $"{name}: left although there is no orphan");
        // There nothing is copied as long as there may be an orphan where the copy would lie.
        if (onDevice)
            return;
        // Tables of which hardly an entry makes sense, and those whose entries are data, stand for their L1 entries.
        Dictionary<int, int> bad = check.Issues.Where(issue => issue.L2Index is not null).CountBy(issue => issue.L1Index!.Value).ToDictionary();
        foreach (ImageIssue issue in check.Issues.Where(issue => issue is { L2Index: not null, Kind: not CheckIssueKind.TableReferencedTwice }))
            Assert.True(bad[issue.L1Index!.Value] >= 32 || check.Issues.Any(other => other.Kind == CheckIssueKind.TableReferencedTwice), $"{name}: left {issue}");
    }

    private static void AssertRepeatable(byte[] after, bool onDevice, CheckResult first, string name)
    {
        var undo = new MemoryUndoStore();
        var storage = new MemoryStorage(after) { IsDevice = onDevice };
        (CheckResult check, List<RepairChange> changes) = new ReversibleRepair(storage, undo).Run(RepairMode.All, default);
        Assert.True(changes.Count == 0 && !undo.Exists, $"{name}: a second repair would {changes.FirstOrDefault()?.Description}");
        Assert.Equal((first.Corruptions, first.LeakedClusters), (check.Corruptions, check.LeakedClusters));
        Assert.True(storage.ToArray().AsSpan().SequenceEqual(after), name);
    }

    private static void Damage(byte[] image, int hits, Random random)
    {
        long clusterSize = (uint)image.UInt64At(4);
        int entries = (int)(clusterSize * (uint)image.UInt64At(8) / 8);
        long l1 = (long)image.UInt64At(40);
        // Where the tables lie is looked up before any is hit.
        long[] tables = [.. Enumerable.Range(0, entries).Select(i => (long)image.UInt64At(l1 + (i * 8))).Where(table => table != 0)];
        long Place() => random.Next(hits / 2) == 0 ? l1 + (random.Next(tables.Length) * 8) : tables[random.Next(tables.Length)] + (random.Next(entries) * 8);
        for (int i = 0; i < hits; i++)
        {
            long place = Place();
            ulong value = random.Next(4) switch
            {
                0 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
                1 => (ulong)(random.NextInt64(image.Length / clusterSize) * clusterSize),
                2 => image.UInt64At(place) ^ (1UL << random.Next(64)),
                _ => image.UInt64At(Place()),
            };
            image.With((int)place, value);
        }
    }

    private static byte[] MakeImage(int clusterSize, int tableSize)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["disk.raw"], FileSystem.Value);
        ConvertImage.Run(new ConvertImageOptions { Path = folder["disk.raw"], DestinationPath = folder["image.qed"], ClusterSize = clusterSize, TableSize = tableSize });
        return File.ReadAllBytes(folder["image.qed"]);
    }

    /// <summary>A real file system with files in it, where the tool that makes one is installed; else a made-up one.</summary>
    private static byte[] MakeFileSystem()
    {
        const int Size = 12 << 20;
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["files"]);
        for (int i = 0; i < 40; i++)
            File.WriteAllBytes(System.IO.Path.Combine(folder["files"], $"file{i}"), Patterns.Random(20_000 + (i * 3000), i));
        if (OperatingSystem.IsLinux() && File.Exists("/sbin/mke2fs"))
        {
            Qemu.Result made = Qemu.Run("/sbin/mke2fs", "-q", "-t", "ext4", "-d", folder["files"], folder["disk.raw"], "12m");
            Assert.True(made.ExitCode == 0, made.Error);
            return File.ReadAllBytes(folder["disk.raw"]);
        }

        byte[] disk = new byte[Size];
        for (int i = 0; i < 100; i++)
            Patterns.Random(60_000, i).CopyTo(disk, i * 120_000);
        return disk;
    }
}
