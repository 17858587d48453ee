using System;
using System.Linq;
using Qed.Checking;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Checking;

/// <summary>A damaged undo journal is refused or does what it still can, and never puts anything into an image that was not there.</summary>
public sealed class UndoJournalDamageTests
{
    private readonly byte[] _original;
    private readonly byte[] _repaired;
    private readonly byte[] _journal;

    public UndoJournalDamageTests()
    {
        var image = new SampleImage(4096, 2, hasBacking: false);
        image.SetL2(1, 2, image.L2(0, 0));
        image.SetL1(3, 0x12345);
        image.Resize(100);
        _original = image.Bytes;
        var storage = new MemoryStorage(_original);
        var undo = new MemoryUndoStore();
        new ReversibleRepair(storage, undo).Run(RepairMode.All, default);
        _repaired = storage.ToArray();
        _journal = undo.Journal!.ToArray();
    }

    [Fact]
    public void One_flipped_bit_is_noticed_or_does_not_matter()
    {
        var random = new Random(31);
        int refused = 0;
        for (int i = 0; i < 1500; i++)
        {
            // Heads of records are few; they get their share.
            int position = i % 3 == 0 ? random.Next(Math.Min(_journal.Length, 1200)) : random.Next(_journal.Length);
            byte[] journal = (byte[])_journal.Clone();
            journal[position] ^= (byte)(1 << random.Next(8));
            byte[] image = (byte[])_repaired.Clone();
            DiskImageException? error = TryUndo(ref image, journal, force: false);
            if (error is null)
            {
                Assert.True(image.AsSpan().SequenceEqual(_original), $"bit in byte {position}: undone without an error, but not to what was");
                continue;
            }

            refused++;
            Assert.Equal(ErrorKind.ImageCorrupt, error.Kind);
            Assert.Equal(_repaired, image);
        }

        Assert.InRange(refused, 500, 1500);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void However_a_journal_is_damaged_no_byte_of_the_image_becomes_what_it_never_was(bool isCompleted)
    {
        var random = new Random(isCompleted ? 41 : 42);
        for (int i = 0; i < 150; i++)
        {
            byte[] journal = (byte[])_journal.Clone();
            if (!isCompleted)
                Array.Resize(ref journal, random.Next(journal.Length));
            for (int flips = random.Next(1, 200); flips > 0 && journal.Length > 0; flips--)
                journal[random.Next(journal.Length)] = (byte)random.Next(256);
            byte[] image = (byte[])_repaired.Clone();
            TryUndo(ref image, journal, force: random.Next(2) == 0);
            AssertMixed(image, i);

            // A repair goes on or refuses; its undo is no worse.
            var storage = new MemoryStorage(_repaired.With(16, [(byte)2]));
            try
            {
                new ReversibleRepair(storage, new MemoryUndoStore(new MemoryStorage(journal))).Run(RepairMode.All, default);
            }
            catch (DiskImageException)
            {
                // Refused.
            }
            finally
            {
                _repaired.With(16, [(byte)0]);
            }
        }
    }

    [Fact]
    public void A_forced_undo_with_a_damaged_journal_puts_back_what_is_whole()
    {
        // The payload of the last record of bytes: the first is the header of the image.
        byte[] journal = (byte[])_journal.Clone();
        int last = 0;
        for (int at = UndoJournal.FirstRecord; UndoRecord.TryRead(journal.AsSpan(at)) is { } record; at += UndoRecord.Size + record.PayloadLength)
            last = record.PayloadLength > 0 ? at : last;
        journal[last + UndoRecord.Size + 7] ^= 1;
        byte[] image = (byte[])_repaired.Clone();
        DiskImageException? refusal = TryUndo(ref image, journal, force: false);
        Assert.Contains("damaged", refusal!.Message, StringComparison.Ordinal);
        Assert.Equal(_repaired, image);
        UndoResult result = Force(ref image, journal, out bool isKept);
        Assert.True(isKept && result is { IsExact: false, IsCutOff: false, UndoPath: not null });
        Assert.True(image.Length >= _original.Length);
        ByteRange lost = Assert.Single(result.LostRanges);
        for (int block = 0; block < _original.Length; block += 4096)
        {
            int length = Math.Min(4096, _original.Length - block);
            bool isLost = block < lost.Offset + lost.Length && lost.Offset < block + length;
            Assert.Equal(!isLost, image.AsSpan(block, length).SequenceEqual(_original.AsSpan(block, length)));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_journal_that_is_cut_anywhere_never_passes_for_whole(bool isCompleted)
    {
        // One of a repair that was cut short has no end to be known by, but knows how far it once was.
        byte[] whole = isCompleted ? _journal : Unfinished(out _);
        byte[] start = isCompleted ? _repaired : UnfinishedImage();
        foreach (int length in new[] { 0, 1, 63, 64, 511, 512, 543, 544, 4000, 4639, 4640, 4641, whole.Length / 2, whole.Length - 33, whole.Length - 1 })
        {
            byte[] journal = whole[..length];
            byte[] image = (byte[])start.Clone();
            DiskImageException? refusal = TryUndo(ref image, journal, force: false);
            Assert.True(refusal is { Kind: ErrorKind.ImageCorrupt }, $"cut to {length}");
            Assert.Equal(start, image);
            if (length is > 0 and < 64)
            {
                Assert.Equal(ErrorKind.ImageCorrupt, TryUndo(ref image, journal, force: true)!.Kind);
                continue;
            }

            UndoResult result = Force(ref image, journal, out bool isKept);
            Assert.True(isKept && result is { IsExact: false, IsCutOff: true }, $"cut to {length}");
            Assert.Equal(length < UndoJournal.FirstRecord + UndoRecord.Size + UndoJournal.BlockSize, result.RestoredBytes == 0);
            if (isCompleted)
                AssertMixed(image, length);
        }
    }

    [Fact]
    public void A_header_without_its_last_byte_is_damaged_also_where_that_byte_is_zero()
    {
        byte[] header = new byte[UndoHeader.Size];
        uint id = 0;
        do
            new UndoHeader { Phase = UndoPhase.Repairing, Id = ++id, OriginalLength = _original.Length }.Write(header);
        while (header[^1] != 0);
        byte[] image = (byte[])_repaired.Clone();
        Assert.Equal(ErrorKind.ImageCorrupt, TryUndo(ref image, header[..^1], force: true)!.Kind);
        Assert.Equal(_repaired, image);
    }

    [Fact]
    public void A_file_that_is_no_journal_is_neither_used_nor_removed()
    {
        byte[] notes = Patterns.Filled(300, (byte)'x');
        byte[] image = (byte[])_original.Clone();
        Assert.Equal(ErrorKind.ImageCorrupt, TryUndo(ref image, notes, force: true)!.Kind);
        var undo = new MemoryUndoStore(new MemoryStorage(notes));
        Fails.With(ErrorKind.ImageCorrupt, "is none", () => new ReversibleRepair(new MemoryStorage(_original), undo).Run(RepairMode.All, default));
        Assert.Equal(notes, undo.Journal!.ToArray());
    }

    [Fact]
    public void A_repair_goes_on_with_an_empty_journal_as_a_crash_leaves_it_before_the_first_change()
    {
        var undo = new MemoryUndoStore(new MemoryStorage());
        var storage = new MemoryStorage(_original);
        Assert.True(new ReversibleRepair(storage, undo).Run(RepairMode.All, default).Check.IsClean);
        new ReversibleRepair(storage, undo).Undo(force: false);
        Assert.Equal(_original, storage.ToArray());
    }

    [Theory]
    [InlineData((byte)'1')]
    [InlineData((byte)'3')]
    [InlineData((byte)0)]
    public void A_journal_of_another_version_is_refused_by_its_name(byte version)
    {
        byte[] journal = ((byte[])_journal.Clone()).With(7, version);
        byte[] image = (byte[])_repaired.Clone();
        DiskImageException refusal = TryUndo(ref image, journal, force: true)!;
        Assert.Equal(ErrorKind.UnsupportedFeature, refusal.Kind);
        Assert.Contains("only '2' is known", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(_repaired, image);
        Fails.With(ErrorKind.UnsupportedFeature, () => new ReversibleRepair(
            new MemoryStorage(((byte[])_repaired.Clone()).With(16, 2UL)), new MemoryUndoStore(new MemoryStorage(journal))).Run(RepairMode.All, default));
    }

    private static UndoResult Force(ref byte[] image, byte[] journal, out bool isKept)
    {
        var storage = new MemoryStorage(image);
        var undo = new MemoryUndoStore(new MemoryStorage(journal));
        UndoResult result = new ReversibleRepair(storage, undo).Undo(force: true);
        image = storage.ToArray();
        isKept = undo.Exists;
        return result;
    }

    private byte[] UnfinishedImage()
    {
        Unfinished(out byte[] image);
        return image;
    }

    /// <summary>The journal and the image of a repair that was killed at its last change.</summary>
    private byte[] Unfinished(out byte[] image)
    {
        int changes = 0;
        int last = int.MaxValue;
        while (true)
        {
            var storage = new MemoryStorage(_original);
            var undo = new MemoryUndoStore();
            int seen = 0;
            storage.BeforeChange = _ =>
            {
                if (++seen > last)
                    throw new InvalidOperationException("killed");
            };
            Exception? error = Record.Exception(() => new ReversibleRepair(storage, undo).Run(RepairMode.All, default));
            changes = Math.Max(changes, seen);
            if (error is not null)
            {
                image = storage.ToArray();
                return undo.Journal!.ToArray();
            }

            // The last two write and flush the mark of a repair that has ended.
            last = changes - 2;
        }
    }

    private static DiskImageException? TryUndo(ref byte[] image, byte[] journal, bool force)
    {
        var storage = new MemoryStorage(image);
        try
        {
            new ReversibleRepair(storage, new MemoryUndoStore(new MemoryStorage(journal))).Undo(force);
            return null;
        }
        catch (DiskImageException error)
        {
            return error;
        }
        finally
        {
            image = storage.ToArray();
        }
    }

    /// <summary>Each byte is as the repair left it or as it was; zeroes where the file was extended again.</summary>
    private void AssertMixed(byte[] image, int run)
    {
        Assert.True(image.Length == _repaired.Length || image.Length == _original.Length, $"run {run}: length {image.Length}");
        int same = image.AsSpan().CommonPrefixLength(_repaired);
        for (int i = same; i < image.Length; i++)
        {
            bool isKnown = (i < _repaired.Length && image[i] == _repaired[i]) || (i < _original.Length && image[i] == _original[i]) || (i >= _repaired.Length && image[i] == 0);
            if (!isKnown)
                Assert.Fail($"run {run}: byte {i} has never been {image[i]}");
        }
    }
}
