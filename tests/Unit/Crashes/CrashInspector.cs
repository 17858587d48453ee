using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;

namespace Qed.Tests.Crashes;

/// <summary>Looks at what crashes have left of an image and its bases. What was found sound once is not looked at again.</summary>
/// <param name="bed">The images.</param>
/// <param name="random">Decides which states are repaired, and used, too.</param>
/// <param name="every">Of so many new states one is.</param>
internal sealed class CrashInspector(CrashBed bed, Random random, int every)
{
    private const int MostRemembered = 1 << 21;

    private readonly HashSet<ulong> _sound = [];
    private readonly HashSet<ulong> _seen = [];
    // What disks are read into.
    private byte[] _disk = [];
    private byte[] _other = [];

    /// <summary>Whether space may be lost unmarked: where the host takes none back.</summary>
    internal bool MayLeak { get; init; }

    /// <summary>States that differ from each other, or in what they may be.</summary>
    internal long States { get; private set; }

    /// <summary>How many of them were repaired twice, undone, and written to.</summary>
    internal long Repaired { get; private set; }

    /// <summary>What an image reads as, with what it rests on, in the part of the disk that is used.</summary>
    internal static byte[] Read(CrashBed bed, MemoryStorage[] files)
    {
        byte[] disk = [];
        return Read(bed, files, ref disk).ToArray();
    }

    /// <summary>What one of its bases reads as, in the same part.</summary>
    internal static byte[] ReadBase(CrashBed bed, int number, MemoryStorage[] files)
    {
        byte[] disk = [];
        return ReadBase(bed, number, files, ref disk).ToArray();
    }

    /// <summary>What is looked at next is another subject's, or another operation of one.</summary>
    internal void Begin()
    {
        _seen.Clear();
        if (_sound.Count > MostRemembered)
            _sound.Clear();
    }

    /// <summary>Looks at one state.</summary>
    /// <param name="files">The image, its bases, and the journal of a repair.</param>
    /// <param name="subject">Whose state it is.</param>
    /// <param name="crash">Before which change the power has failed.</param>
    /// <returns>What is wrong; null for nothing.</returns>
    internal string? Look(MemoryStorage[] files, CrashSubject subject, int crash)
    {
        ulong key = (ulong)subject.Tops.Concat(subject.Histories.Skip(1)).Sum(history => history.FlushesBefore(crash));
        foreach (MemoryStorage file in files)
            key = (key * 0x9E3779B97F4A7C15) + file.Fingerprint;
        if (!_seen.Add(key))
            return null;
        States++;
        bool isNew = _sound.Add(files[0].Fingerprint);
        return (isNew ? Check(files[0]) : null)
            ?? (_sound.Add(files[1].Fingerprint) ? Check(files[1]) : null)
            ?? LookAtContents(files, subject, crash)
            ?? (isNew && random.Next(every) == 0 ? Use(files, subject) : null);
    }

    private string? Check(MemoryStorage file)
    {
        CheckResult check = new ImageChecker(file, 10).Run(ProgressMeter.Silent, default);
        if (check.Corruptions > 0)
            return "corrupt: " + string.Join("; ", check.Issues);
        bool isMarked = check.NeedsCheck || QedHeaderReader.Read(file).RepairMark is { IsUnfinished: true };
        return isMarked || MayLeak || check.LeakedClusters == 0 ? null : "space is lost, and nobody hears of it: " + string.Join("; ", check.Issues);
    }

    private string? LookAtContents(MemoryStorage[] files, CrashSubject subject, int crash)
    {
        ReadOnlySpan<byte> disk = Read(bed, files, ref _disk);
        foreach (FlushHistory history in subject.Tops)
        {
            if (WrongIn(disk, history, crash) is { } wrong)
                return wrong;
        }

        for (int number = 1; number < subject.Histories.Length; number++)
        {
            // Only a merge changes them.
            if (subject.Histories[number].Flushes == 0)
                continue;
            if (WrongIn(ReadBase(bed, number, files, ref _other), subject.Histories[number], crash) is { } wrongBelow)
                return $"base {number}: {wrongBelow}";
        }

        if (subject.OverlayDisk is not { } expected)
            return null;
        using QedImage overlay = QedImage.Open(bed.Overlay);
        overlay.AttachBacking(QedImage.Open(files[0].ForReading()));
        return Read(bed, overlay, ref _other).SequenceEqual(expected) ? null : "what is merged reads differently";
    }

    private static string? WrongIn(ReadOnlySpan<byte> disk, FlushHistory history, int crash)
        => history.FirstImpossible(disk, crash) is >= 0 and var wrong
            ? FormattableString.Invariant($"the byte at {wrong} of {disk.Length}, {disk[wrong]:x2}, is neither what was flushed nor what was written since: {history.Explain(wrong)}")
            : null;

    /// <summary>Repairs the image twice and undoes that, and has a guest write to it.</summary>
    private string? Use(MemoryStorage[] files, CrashSubject subject)
    {
        Repaired++;
        byte[] disk = Read(bed, files);
        MemoryStorage image = files[0].Fork();
        bool hasJournal = subject.BeforeRepair is not null && files[^1].Length > 0 && UndoHeader.Read(files[^1]) is not null;
        var undo = new MemoryUndoStore(hasJournal ? files[^1].Fork() : null) { Prepared = new MemoryStorage() };
        if (Repair(image, undo) is { } unclean)
            return unclean;
        if (!Read(bed, [image, .. files[1..]]).AsSpan().SequenceEqual(disk))
            return "a repair has changed what the guest sees";
        ulong repaired = image.Fingerprint;
        MemoryUndoStore? second = undo.Journal is null ? null : new MemoryUndoStore(undo.Journal.Fork());
        if (Repair(image, second ?? undo) is not null || image.Fingerprint != repaired)
            return "a second repair has changed something";
        if (undo.Exists)
        {
            MemoryStorage undone = image.Fork();
            if (!new ReversibleRepair(undone, undo).Undo(force: false).IsExact)
                return "the repair cannot be undone exactly";
            if (!undone.ToArray().AsSpan().SequenceEqual((hasJournal ? subject.BeforeRepair! : files[0]).ToArray()))
                return "undone, the image is not as it was";
        }

        return Write([image, .. files[1..]], disk);
    }

    private static string? Repair(MemoryStorage image, MemoryUndoStore undo)
    {
        CheckResult check = new ReversibleRepair(image, undo).Run(RepairMode.All, default).Check;
        return check.IsClean && !check.NeedsCheck ? null : "a repair has left something: " + string.Join("; ", check.Issues);
    }

    private string? Write(MemoryStorage[] files, byte[] disk)
    {
        int place = Math.Min(7 * CrashBed.Cluster, disk.Length - 512);
        var needs = new ChangeNeeds { Background = new Background() };
        using (ImageForChange opened = ImageForChange.Open(files[0], needs, null, default))
        {
            if (CrashBed.BaseOf(opened.Image) is > 0 and var number)
                opened.Image.AttachBacking(CrashBed.OpenBase(number, files[number]));
            opened.Begin(NullLogger.Instance);
            opened.Image.Write(new GuestOffset(bed.Origin + place), Patterns.Filled(512, 0xee));
        }

        disk = (byte[])disk.Clone();
        disk.AsSpan(place, 512).Fill(0xee);
        return Check(files[0]) ?? (Read(bed, files).AsSpan().SequenceEqual(disk) ? null : "written to, it does not read as it should");
    }

    private static ReadOnlySpan<byte> Read(CrashBed bed, MemoryStorage[] files, ref byte[] buffer)
    {
        using QedImage image = QedImage.Open(files[0].ForReading());
        if (CrashBed.BaseOf(image) is > 0 and var number)
            image.AttachBacking(CrashBed.OpenBase(number, files[number]));
        return Read(bed, image, ref buffer);
    }

    private static ReadOnlySpan<byte> ReadBase(CrashBed bed, int number, MemoryStorage[] files, ref byte[] buffer)
    {
        using DiskImage image = CrashBed.OpenBase(number, files[number]);
        return Read(bed, image, ref buffer);
    }

    private static ReadOnlySpan<byte> Read(CrashBed bed, DiskImage image, ref byte[] buffer)
    {
        int length = (int)(image.Length - bed.Origin);
        if (buffer.Length < length)
            buffer = new byte[length];
        Span<byte> disk = buffer.AsSpan(0, length);
        image.Read(new GuestOffset(bed.Origin), disk);
        return disk;
    }
}
