using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using static Qed.Tests.Crashes.CrashBed;

namespace Qed.Tests.Crashes;

/// <summary>An image that operations are done to, one after the other; it remembers all changes, and what they may have made of the disk.</summary>
internal sealed class CrashSubject
{
    private readonly CrashBed _bed;
    private readonly MemoryStorage[] _files;
    private readonly MemoryStorage _journal;
    private readonly int[] _done = new int[Enum.GetValues<CrashOperation>().Length];
    private ImageForChange? _session;
    private bool _isKilled;
    private MemoryStorage? _original;

    internal CrashSubject(CrashBed bed)
        : this(bed, bed.Files(), new MemoryStorage(), bed.Disks)
    {
    }

    private CrashSubject(CrashBed bed, MemoryStorage[] files, MemoryStorage journal, byte[][] disks)
    {
        _bed = bed;
        _files = files;
        _journal = journal;
        Log = new CrashLog(Files);
        Histories = HistoriesOf(disks);
        Tops = [Histories[0]];
    }

    internal CrashLog Log { get; }

    /// <summary>The image, its bases, and the journal of its repair.</summary>
    internal MemoryStorage[] Files => [.. _files, _journal];

    /// <summary>What the image may read as: of several guests each knows its own part.</summary>
    internal IReadOnlyList<FlushHistory> Tops { get; private set; }

    /// <summary>What the image and its bases may read as, from <see cref="CrashBed.Origin"/> on, where it has one guest at most.</summary>
    internal FlushHistory[] Histories { get; private set; }

    /// <summary>What an image reads as that rests on the one that is worked on, while that is merged; null while it is not.</summary>
    internal byte[]? OverlayDisk { get; private set; }

    /// <summary>The image before the repair that has begun; null where none has.</summary>
    internal MemoryStorage? BeforeRepair { get; private set; }

    private FlushHistory Top => Histories[0];

    private bool HasUnfinishedJournal => _journal.Length > 0 && UndoHeader.Read(_journal) is { IsUnfinished: true };

    private int Size => Top.Length;

    /// <summary>Does an operation.</summary>
    /// <returns>The number of its first change.</returns>
    internal int Do(CrashOperation operation)
    {
        int number = _done[(int)operation]++;
        if (operation <= CrashOperation.Flush)
        {
            (int offset, int length) = PlaceOf(operation, number);
            return Request(operation, offset, length, (byte)(0x40 + (16 * (int)operation) + number));
        }

        if (operation == CrashOperation.Repair)
            Kill();
        int first = BeginAnew();
        Log.Note($"{operation} begins");
        int flushes = _files[0].Flushes;
        switch (operation)
        {
            case CrashOperation.Resize:
                Resize(NextSize ?? ((number % 2 == 0) == _bed.GrowsFirst ? (15 * Cluster) + 512 : (3 * Cluster) + 512));
                break;
            case CrashOperation.Reparent:
                Reparent();
                break;
            case CrashOperation.Merge:
                Merge();
                break;
            case CrashOperation.Optimize:
                using (ImageForChange opened = Open(0))
                    OptimizeImage.Compact(opened, (OptimizeMode)((number + 2) % 3), null, NullLogger.Instance, default);
                break;
            default:
                Repair();
                break;
        }

        Log.Note($"{operation} has ended");
        // A repair that finds nothing to do does nothing.
        _isKilled = _files[0].Flushes == flushes;
        foreach (FlushHistory history in Histories.Skip(_isKilled ? 1 : 0))
            history.Flush(Log.Count);
        return first;
    }

    /// <summary>What the next resize is to make of the disk, in bytes; null for a size that changes with each.</summary>
    internal int? NextSize { get; set; }

    /// <summary>Ends the guest's use of the image, if there is any.</summary>
    internal void Close()
    {
        if (_session is null)
            return;
        ImageForChange session = _session;
        _session = null;
        session.Dispose();
        Log.Note("closed");
        Top.Flush(Log.Count);
        _isKilled = false;
    }

    /// <summary>One request of a guest's, as far as the disk reaches.</summary>
    /// <returns>The number of its first change.</returns>
    internal int Request(CrashOperation operation, int offset, int length, byte value)
    {
        if (_session is null && !_isKilled)
            Histories = HistoriesOf(Array.ConvertAll(Histories, history => history.Now));
        Forget();
        int first = Log.Count;
        QedImage image = Session();
        length = Math.Min(length, Size - offset);
        if (operation == CrashOperation.Flush || length > 0)
            Request(image, Top, operation, offset, length, value);
        return first;
    }

    /// <summary>Several guests at once, each with sectors or clusters of its own, who drop what others get.</summary>
    /// <param name="count">How many.</param>
    /// <param name="requests">How many requests each makes.</param>
    /// <param name="unit">Of so many bytes each second, third and so on is one guest's.</param>
    /// <param name="seed">Decides what they do.</param>
    /// <returns>The number of their first change.</returns>
    internal int RequestAtOnce(int count, int requests, int unit, int seed)
    {
        BeginAnew();
        QedImage image = Session();
        image.Flush();
        _isKilled = false;
        int first = Log.Count;
        byte[] start = Top.Now;
        var guests = new FlushHistory[count];
        // They begin together, and lose their turn in the midst of requests: else each would be done before the next has begun.
        using var begin = new Barrier(count);
        _files[0].OnWrite = _ => LoseTurn(Random.Shared.Next(32));
        Workers.Run(count, "guest", guest =>
        {
            begin.SignalAndWait();
            var random = new Random((seed * count) + guest);
            var history = new FlushHistory(start, offset => offset / unit % count == guest);
            guests[guest] = history;
            for (int i = 0; i < requests; i++)
            {
                CrashOperation operation = random.Next(6) == 0 ? CrashOperation.Flush : random.Next(3) == 0 ? CrashOperation.Discard : CrashOperation.Allocate;
                int offset = ((random.Next(Math.Max(1, start.Length / unit / count)) * count) + guest) * unit;
                int length = Math.Min(operation == CrashOperation.Discard ? unit : random.Next(1, (unit / 512) + 1) * 512, start.Length - offset);
                if (operation == CrashOperation.Flush || length > 0)
                    Request(image, history, operation, offset, length, (byte)random.Next(1, 4));
            }
        });
        _files[0].OnWrite = null;
        image.Flush();
        Array.ForEach(guests, history => history.Flush(Log.Count));
        Tops = guests;
        byte[][] ends = Array.ConvertAll(guests, history => history.Now);
        byte[] now = [.. start.Select((_, i) => ends[i / unit % count][i])];
        Histories[0] = new FlushHistory(now);
        return first;
    }

    /// <summary>The same image as another process finds it, which is to do the operation that was done last once more.</summary>
    internal CrashSubject Reopen(CrashOperation last)
    {
        MemoryStorage[] files = Array.ConvertAll(_files, file => file.Fork());
        byte[][] disks = [CrashInspector.Read(_bed, files), CrashInspector.ReadBase(_bed, 1, files), CrashInspector.ReadBase(_bed, 2, files)];
        CrashSubject again = Copy(files, disks);
        again._done[(int)last]--;
        return again;
    }

    /// <summary>Another one just like it, where all is closed and on the disk; else null.</summary>
    internal CrashSubject? TryCopy()
        => _session is not null || _isKilled ? null : Copy(Array.ConvertAll(_files, file => file.Fork()), Array.ConvertAll(Histories, history => history.Now));

    private CrashSubject Copy(MemoryStorage[] files, byte[][] disks)
    {
        var copy = new CrashSubject(_bed, files, _journal.Fork(), disks) { _original = _original };
        _done.CopyTo(copy._done, 0);
        return copy;
    }

    private void Request(QedImage image, FlushHistory history, CrashOperation operation, int offset, int length, byte value)
    {
        var place = new GuestOffset(_bed.Origin + offset);
        Log.Note(FormattableString.Invariant($"guest: {operation} {offset}+{length}: {value:x2} begins"));
        history.Begin(Log.Count);
        switch (operation)
        {
            case CrashOperation.Allocate or CrashOperation.Overwrite:
                byte[] data = Patterns.Filled(length, value);
                history.Write(offset, data);
                image.Write(place, data);
                break;
            case CrashOperation.Zero:
                history.Write(offset, length, 0);
                image.WriteZeroes(place, length);
                break;
            case CrashOperation.Discard:
                history.Write(offset, length, 0);
                image.Discard(place, length);
                break;
            default:
                image.Flush();
                history.Flush(Log.Count);
                break;
        }

        Log.Note(FormattableString.Invariant($"guest: {operation} {offset}+{length} has ended"));
    }

    private static void LoseTurn(int chance)
    {
        if (chance < 8)
            Thread.Sleep(chance == 0 ? 1 : 0);
    }

    private QedImage Session()
    {
        if (_session is null)
        {
            _session = Open(0);
            _session.Begin(NullLogger.Instance);
        }

        return _session.Image;
    }

    private static FlushHistory[] HistoriesOf(byte[][] disks) => [.. disks.Select((disk, number) => new FlushHistory(disk) { GrowsBySteps = number == 2 })];

    /// <summary>What belongs to the operation before.</summary>
    private void Forget()
    {
        OverlayDisk = null;
        BeforeRepair = null;
        Tops = [Histories[0]];
    }

    /// <summary>Ends the guest's use of the image: what it has written is durable then, or as a kill leaves it.</summary>
    private int BeginAnew()
    {
        Close();
        // That of an earlier repair the user has discarded.
        if (!HasUnfinishedJournal)
            _journal.SetLength(0);
        _journal.Flush();
        // What a killed process has left may be lost yet.
        FlushHistory top = Top;
        int first = Log.Count;
        Histories = HistoriesOf(Array.ConvertAll(Histories, history => history.Now));
        if (_isKilled)
            Histories[0] = top;
        Array.ForEach(Histories, history => history.Begin(first));
        Forget();
        return first;
    }

    private static (int Offset, int Length) PlaceOf(CrashOperation operation, int number) => operation switch
    {
        // Two clusters, neither of them whole.
        CrashOperation.Allocate => (((6 + (2 * number)) * Cluster) + 512, Cluster + 1024),
        CrashOperation.Overwrite => ((number * Cluster) + 1536, Cluster),
        CrashOperation.Zero => number % 2 == 0 ? (2 * Cluster, 2 * Cluster) : (512, 1536),
        CrashOperation.Discard => ((number % 3) * Cluster, 2 * Cluster),
        _ => (0, 0),
    };

    private void Resize(int size)
    {
        if (size != Size)
            Top.Resize(size);
        using ImageForChange opened = Open(0);
        ResizeImage.Change(opened, _bed.Origin + size, null, NullLogger.Instance, default);
    }

    /// <summary>Onto the next base, and then onto none.</summary>
    private void Reparent()
    {
        using ImageForChange opened = Open(0);
        int next = (BaseOf(opened.Image) + (_bed.GrowsFirst ? 1 : 2)) % _files.Length;
        using DiskImage? backing = next == 0 ? null : OpenBase(next, _files[next]);
        BackingReference? reference = next == 0 ? null : new BackingReference(BaseNames[next - 1], next == 1 ? null : BackingReference.RawName);
        SetBackingFile.Change(opened, reference, backing, null, NullLogger.Instance, default);
    }

    /// <summary>Into the base, or where there is none another image into this one.</summary>
    private void Merge()
    {
        using ImageForChange opened = Open(0, withBacking: false);
        int into = BaseOf(opened.Image);
        if (into == 0)
        {
            MergeOverlay(opened);
            return;
        }

        FlushHistory below = Histories[into];
        if (Size > below.Length)
            below.Resize(Size);
        below.Write(0, Top.Now);
        ImageForChange? target = into == 1 ? Open(1) : null;
        target?.Begin(NullLogger.Instance);
        WritableDiskImage destination = target?.Image ?? (WritableDiskImage)FormatRegistry.Raw.Open(_files[2], ImageOpenOptions.Default);
        opened.Image.AttachBacking(destination);
        new ImageMerger(opened.Image, destination).Run(Math.Max(opened.Image.Length, destination.Length), null, ProgressMeter.Silent, default);
        below.Flush(Log.Count);
        MergeImage.Empty(opened, null, NullLogger.Instance, default);
    }

    private void MergeOverlay(ImageForChange opened)
    {
        byte[] disk = new byte[OverlaySize];
        Top.Now.AsSpan(0, Math.Min(Size, OverlaySize)).CopyTo(disk);
        if (OverlaySize > Size)
            Top.Resize(OverlaySize);
        foreach ((int offset, byte[] data) in OverlayData)
        {
            data.CopyTo(disk, offset);
            Top.Write(offset, data);
        }

        // What a killed process has left is not the same in each state.
        OverlayDisk = _isKilled ? null : disk;
        opened.Begin(NullLogger.Instance);
        QedImage overlay = QedImage.Open(_bed.Overlay);
        overlay.AttachBacking(opened.Image);
        new ImageMerger(overlay, opened.Image).Run(Math.Max(overlay.Length, opened.Image.Length), null, ProgressMeter.Silent, default);
    }

    private void Repair()
    {
        bool goesOn = HasUnfinishedJournal;
        if (!goesOn)
            _original = _files[0].Fork();
        BeforeRepair = _original;
        var repair = new ReversibleRepair(_files[0], new MemoryUndoStore(goesOn ? _journal : null) { Prepared = _journal });
        CheckResult check = repair.Run(RepairMode.All, default).Check;
        if (!check.IsClean || check.NeedsCheck)
            throw new InvalidOperationException("the repair has left something: " + string.Join("; ", check.Issues));
    }

    /// <summary>The process ends without closing anything. What it has kept in memory is lost, and what it had written the system has not written out.</summary>
    internal void Kill()
    {
        // What no process has open was closed.
        if (_session is null)
            return;
        _session = null;
        _isKilled = true;
        Log.Note("killed");
        Array.ForEach(_files, file => file.IsOpen = false);
        byte[] left = CrashInspector.Read(_bed, _files);
        if (Top.FirstImpossible(left, Log.Count) is >= 0 and var wrong)
            throw new InvalidOperationException($"killed: the byte at {wrong} is neither what was flushed nor what was written since: {Top.Explain(wrong)}");
        Top.Lose(left, Log.Count);
    }

    private ImageForChange Open(int file, bool withBacking = true)
    {
        var needs = new ChangeNeeds { MustBeSound = true, Background = new Background(), Require = BackingNameChange.RequireAllowed };
        _files[file].IsOpen = true;
        ImageForChange opened = ImageForChange.Open(_files[file], needs, null, default);
        if (withBacking && BaseOf(opened.Image) is > 0 and var number)
            opened.Image.AttachBacking(OpenBase(number, _files[number]));
        return opened;
    }
}
