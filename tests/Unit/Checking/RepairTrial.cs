using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Qed.Checking;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>A repair of an image in memory that kept what every repair must keep: rehearsed, repeatable without effect, reversible.</summary>
/// <param name="Name">What was wrong, for messages.</param>
/// <param name="Found">What a check found before.</param>
/// <param name="Check">What it finds afterwards.</param>
/// <param name="Changes">What was done.</param>
/// <param name="After">The image afterwards.</param>
internal sealed record RepairTrial(string Name, CheckResult Found, CheckResult Check, List<RepairChange> Changes, byte[] After)
{
    private static readonly ConcurrentDictionary<ulong, bool> SoundForQemu = new();

    /// <summary>What a repair may read and write: a loop is a failure, not a test run that never ends.</summary>
    internal static long MostBytesToMove(byte[] image) => (16L << 20) + (100L * image.Length);

    /// <summary>All that is wrong with an image in memory.</summary>
    internal static CheckResult CheckOf(byte[] bytes, bool onDevice = false) => new ImageChecker(new MemoryStorage(bytes, canWrite: false) { IsDevice = onDevice }, 1 << 20).Run(ProgressMeter.Silent, CancellationToken.None);

    /// <summary>Rehearses a repair, repairs, repairs again and undoes.</summary>
    internal static RepairTrial Run(byte[] before, RepairMode mode, string name, bool onDevice = false)
    {
        var planning = new MemoryStorage(before, canWrite: false) { IsDevice = onDevice, MostBytesMoved = MostBytesToMove(before) };
        (CheckResult found, List<RepairChange> planned) = ImageRepairer.Plan(planning, mode, null, CancellationToken.None);
        var storage = new MemoryStorage(before) { IsDevice = onDevice, MostBytesMoved = MostBytesToMove(before) };
        var undo = new MemoryUndoStore();
        (CheckResult check, List<RepairChange> changes) = new ReversibleRepair(storage, undo).Run(mode, CancellationToken.None);
        Assert.True(planned.Select(Text).SequenceEqual(changes.Select(Text)), $"{name}: planned\n{Lines(planned)}\ndone\n{Lines(changes)}");
        var trial = new RepairTrial(name, found, check, changes, storage.ToArray());
        Assert.Equal(changes.Count > 0, undo.Exists);
        trial.AssertRepeatable(mode, onDevice);
        if (undo.Exists)
            new ReversibleRepair(storage, undo).Undo(force: false);
        Assert.False(undo.Exists);
        Assert.True(storage.ToArray().AsSpan().SequenceEqual(before), $"{name}: undoing does not lead back after\n{Lines(changes)}");
        return trial;
    }

    internal void AssertClean()
        => Assert.True(Check.IsClean && !Check.NeedsCheck, $"{Name}: left\n{string.Join('\n', Check.Issues.Take(10))}\nafter\n{Lines(Changes)}");

    /// <summary>Has QEMU check the image, where it can open it and has not seen the same bytes before: many faults are mended to those.</summary>
    internal void AssertSoundForQemu(int tableSize)
    {
        ulong fingerprint = new MemoryStorage(After, canWrite: false).Fingerprint;
        if (tableSize == 1 || SoundForQemu.ContainsKey(fingerprint))
            return;
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["base.raw"], new byte[512]);
        TestImage.WriteSparsely(folder["image.qed"], After);
        Qemu.AssertSound(folder["image.qed"]);
        SoundForQemu[fingerprint] = true;
    }

    /// <summary>Every guest byte that is not in doubt reads as in the sound image.</summary>
    internal void AssertGuestUnchanged(SampleImage broken, SortedDictionary<(int Span, int Entry), byte[]> sound)
    {
        SortedDictionary<(int Span, int Entry), byte[]> guest = [];
        Exception? error = Record.Exception(() => guest = broken.ReadGuest(After));
        Assert.True(error is null, $"{Name}: {error?.Message} after\n{Lines(Changes)}");
        foreach (((int Span, int Entry) place, byte[] seen) in guest)
        {
            Assert.True(
                seen.AsSpan().SequenceEqual(sound[place]),
                $"{Name}: the guest sees something else at entry {place.Entry} of table {place.Span} after\n{Lines(Changes)}");
        }
    }

    private void AssertRepeatable(RepairMode mode, bool onDevice)
    {
        var again = new MemoryStorage(After) { IsDevice = onDevice, BeforeChange = change => Assert.Fail($"{Name}: a second repair makes a change: {change}") };
        var undo = new MemoryUndoStore();
        (CheckResult check, List<RepairChange> changes) = new ReversibleRepair(again, undo).Run(mode, default);
        Assert.True(changes.Count == 0 && !undo.Exists, $"{Name}: a second repair\n{Lines(changes)}\nafter the first\n{Lines(Changes)}");
        Assert.Equal((Check.Corruptions, Check.LeakedClusters), (check.Corruptions, check.LeakedClusters));
    }

    private static string Lines(IEnumerable<RepairChange> changes) => string.Join('\n', changes.Select(Text).Take(12));

    private static string Text(RepairChange change) => $"{change.Description} ({change.Issue?.Kind} {change.Issue?.L1Index} {change.Issue?.L2Index})";
}
