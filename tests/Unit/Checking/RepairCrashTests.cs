using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Checking;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>
/// A crash just before any change of a repair, with what was not flushed lost, reordered or torn in the image and in its
/// journal: undoing leads back to the very start, and so does going on with the repair and undoing then.
/// </summary>
public sealed class RepairCrashTests
{
    private const int SamplesEach = 2;

    private bool _onDevice;

    public static TheoryData<int, bool, int> Scenarios()
    {
        var scenarios = new TheoryData<int, bool, int>();
        for (int i = 0; i < 12; i++)
            scenarios.Add(i % 3 == 0 ? 1 : 2, i % 4 == 3, 5000 + i);
        return scenarios;
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Undoing_after_a_crash_at_any_change_of_a_repair_gives_the_original_bytes(int tableSize, bool onDevice, int seed)
    {
        _onDevice = onDevice;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        SampleImage broken = Break(tableSize, random);
        CrashLog log = Repair(broken.Bytes, new MemoryStorage());
        for (int crash = 0; crash <= log.Count; crash++)
        {
            for (int sample = 0; sample < SamplesEach; sample++)
            {
                MemoryStorage[] files = log.CrashAt(crash, random);
                AssertUndone(broken.Bytes, files[0], files[1], $"seed {seed}, sample {sample}, crash before change {crash}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void A_second_repair_after_a_crash_at_any_change_gives_a_sound_image_that_still_can_be_undone(int tableSize, bool onDevice, int seed)
    {
        _onDevice = onDevice;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var sound = new SampleImage(4096, tableSize, hasBacking: false);
        SortedDictionary<(int Span, int Entry), byte[]> guest = sound.ReadGuest(sound.Bytes);
        SampleImage broken = Break(tableSize, random);
        CrashLog log = Repair(broken.Bytes, new MemoryStorage());
        for (int crash = 0; crash <= log.Count; crash++)
        {
            string name = $"seed {seed}, crash before change {crash}";
            MemoryStorage[] files = log.CrashAt(crash, random);
            (MemoryStorage image, MemoryStorage journal) = (files[0], files[1]);
            var secondLog = new CrashLog(image, journal);
            CheckResult check = new ReversibleRepair(image, new MemoryUndoStore(journal) { Prepared = journal }).Run(RepairMode.All, default).Check;
            Assert.True(check.IsClean && !check.NeedsCheck, $"{name}: {string.Join('\n', check.Issues.Take(5))}");
            foreach (((int Span, int Entry) place, byte[] seen) in broken.ReadGuest(image.ToArray()))
                Assert.True(seen.AsSpan().SequenceEqual(guest[place]), $"{name}: the guest sees something else at {place}");

            // A crash in the second repair as well.
            MemoryStorage[] again = secondLog.CrashAt(random.Next(secondLog.Count + 1), random);
            AssertUndone(broken.Bytes, again[0], again[1], name + " and in the second repair");
            AssertUndone(broken.Bytes, image.Fork(), journal.Fork(), name + ", repaired again");
        }
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Undoing_again_after_a_crash_at_any_change_of_the_undo_gives_the_original_bytes(int tableSize, bool onDevice, int seed)
    {
        _onDevice = onDevice;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        SampleImage broken = Break(tableSize, random);
        var journal = new MemoryStorage();
        CrashLog repair = Repair(broken.Bytes, journal);
        // Undoing a whole repair, and one that a crash has cut short.
        foreach (int start in new[] { repair.Count, repair.Count * 2 / 3 })
        {
            MemoryStorage[] files = repair.CrashAt(start, random);
            if (start == repair.Count)
                files[1] = journal.Fork();
            (MemoryStorage image, MemoryStorage undo) = (files[0], files[1]);
            var log = new CrashLog(image, undo);
            new ReversibleRepair(image, new MemoryUndoStore(undo)).Undo(force: false);
            for (int crash = 0; crash <= log.Count; crash++)
            {
                for (int sample = 0; sample < SamplesEach; sample++)
                {
                    MemoryStorage[] half = log.CrashAt(crash, random);
                    AssertUndone(broken.Bytes, half[0], half[1], $"seed {seed}, sample {sample}, crash before change {crash} of the undo");
                }
            }
        }
    }

    [Fact]
    public void An_undo_that_a_crash_has_cut_short_must_be_ended_before_another_repair()
    {
        var random = new Random(77);
        SampleImage broken = Break(2, random);
        var storage = new MemoryStorage(broken.Bytes);
        var undo = new MemoryUndoStore();
        new ReversibleRepair(storage, undo).Run(RepairMode.All, default);
        storage.BeforeChange = change =>
        {
            if (change.Kind == StorageChangeKind.Write && random.Next(3) == 0)
                throw new InvalidOperationException("power failure");
        };
        Assert.Throws<InvalidOperationException>(() => new ReversibleRepair(storage, undo).Undo(force: false));
        storage.BeforeChange = null;
        // Whatever is wrong with the image now, a repair must not take it for the truth.
        storage.Write(16, [2]);
        Fails.With(ErrorKind.ImageExists, "undoing", () => new ReversibleRepair(storage, undo).Run(RepairMode.All, default));
        new ReversibleRepair(storage, undo).Undo(force: false);
        Assert.Equal(broken.Bytes, storage.ToArray());
    }

    private MemoryStorage StorageOf(byte[] bytes) => new(bytes) { IsDevice = _onDevice };

    private CrashLog Repair(byte[] broken, MemoryStorage journal)
    {
        MemoryStorage image = StorageOf(broken);
        var log = new CrashLog(image, journal);
        CheckResult check = new ReversibleRepair(image, new MemoryUndoStore { Prepared = journal }).Run(RepairMode.All, default).Check;
        Assert.True(check.IsClean);
        return log;
    }

    private static void AssertUndone(byte[] original, MemoryStorage storage, MemoryStorage journal, string name)
    {
        var undo = new MemoryUndoStore(journal);
        if (UndoHeader.Read(undo.Journal!) is null)
        {
            // Nothing can be put back, and nothing was changed.
            Fails.With(ErrorKind.ImageCorrupt, "empty", () => new ReversibleRepair(storage, undo).Undo(force: false));
        }
        else
        {
            Assert.True(new ReversibleRepair(storage, undo).Undo(force: false).IsExact, name);
            Assert.False(undo.Exists);
        }

        Assert.True(storage.ToArray().AsSpan().SequenceEqual(original), $"{name}: not as it was");
    }

    /// <summary>An image with faults of many sorts, of which a repair that nothing interrupts mends all.</summary>
    private SampleImage Break(int tableSize, Random random)
    {
        var sound = new SampleImage(4096, tableSize, hasBacking: false);
        SortedDictionary<(int Span, int Entry), byte[]> guest = sound.ReadGuest(sound.Bytes);
        while (true)
        {
            SampleImage broken = PlantSome(tableSize, random);
            if (_onDevice)
                broken.Bytes = StaleDevice.Bytes(broken.Bytes, broken.Bytes.Length + (64 * 4096));
            MemoryStorage storage = StorageOf(broken.Bytes);
            if (new ReversibleRepair(storage, new MemoryUndoStore()).Run(RepairMode.All, default).Check.IsClean
                && broken.ReadGuest(storage.ToArray()).All(seen => seen.Value.AsSpan().SequenceEqual(guest[seen.Key])))
            {
                return broken;
            }
        }
    }

    private static SampleImage PlantSome(int tableSize, Random random)
    {
        var image = new SampleImage(4096, tableSize, hasBacking: false);
        IReadOnlyList<Fault> all = Fault.All(4096, tableSize);
        Fault[] others = [.. all.Where(fault => !fault.IsL1 && !fault.CutsTable3)];
        random.Shuffle(others);
        foreach (Fault fault in others.Take(random.Next(3, 8)))
            fault.Plant(image);
        Fault[] tables = [.. all.Where(fault => fault.IsL1)];
        tables[random.Next(tables.Length)].Plant(image);
        all.First(fault => fault.Name == "a cluster leaks in the middle").Plant(image);
        all.First(fault => fault.Name == "NEED_CHECK is set").Plant(image);
        // Last, so that nothing is written where the rest of the table was.
        if (random.Next(3) == 0)
            all.First(fault => fault.CutsTable3).Plant(image);
        return image;
    }
}
