using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Bits;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// What stood in an image before a repair changed it: each range once, as it was first. A record is on stable storage
/// before its range is overwritten, so a journal that a crash cut short holds all that has been changed.
/// </summary>
/// <remarks>
/// At 0 the <see cref="UndoHeader"/>, from <see cref="FirstRecord"/> on the records: see <see cref="UndoRecord"/>. The first
/// record is the image's header, which from then on has the journal's number: see <see cref="RepairMark"/>.
/// </remarks>
internal sealed class UndoJournal : IDisposable
{
    /// <summary>Ranges are saved in whole blocks of this many bytes.</summary>
    internal const int BlockSize = 4096;

    /// <summary>Where the records start: a sector of its own for the header.</summary>
    internal const int FirstRecord = 512;

    private readonly BlockStorage _file;
    private readonly UndoRecords _records;
    private UndoHeader _header;
    private bool _hasUnflushed;

    private UndoJournal(BlockStorage file, UndoHeader header, UndoRecords records)
    {
        _file = file;
        _header = header;
        _records = records;
    }

    /// <summary>How far the repair is.</summary>
    internal UndoPhase Phase => _header.Phase;

    /// <summary>Whether it does not hold all that it once held.</summary>
    internal bool IsDamaged => _records.IsCutOff || _records.Damaged.Count > 0;

    /// <summary>Whether it breaks off, so that nobody knows what else it held.</summary>
    internal bool IsCutOff => _records.IsCutOff;

    /// <summary>The ranges whose saved bytes are damaged.</summary>
    internal IReadOnlyList<UndoRecord> Damaged => _records.Damaged;

    /// <summary>Starts a journal in an empty file, which it owns from then on, and saves the image's header in it; durably, but for the file's name.</summary>
    internal static UndoJournal Create(BlockStorage file, BlockStorage image, uint id)
    {
        var journal = new UndoJournal(
            file,
            new UndoHeader { Phase = UndoPhase.Repairing, Id = id, OriginalLength = image.Length },
            new UndoRecords());
        // Its own header first: without one nobody could tell what the rest of the file is.
        journal.WriteHeader();
        file.Flush();
        journal.SaveHeader(image);
        return journal;
    }

    /// <summary>Opens a journal, which owns the file from then on; what a crash has left half written at its end is ignored.</summary>
    /// <returns>Null for a file that holds nothing.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt where the header is damaged, or the file is something else; UnsupportedFeature for another version.</exception>
    internal static UndoJournal? TryOpen(BlockStorage file)
        => UndoHeader.Read(file) is { } header ? new UndoJournal(file, header, UndoRecords.Read(file, header)) : null;

    /// <summary>Makes ready to go on with a repair: what a crash has left half written is not to be taken for damage later.</summary>
    internal void Resume(BlockStorage image)
    {
        // Before the header says that they are whole.
        _records.DropTorn(_file);
        _file.Flush();
        SaveHeader(image);
        _header = _header with { Phase = UndoPhase.Repairing, DurableEnd = _records.End, DurableRecords = _records.Count };
        WriteHeader();
        _file.Flush();
        MarkImage(image, isUnfinished: true);
    }

    /// <summary>Notes in the image that it is being changed, and by whom.</summary>
    internal void MarkImage(BlockStorage image, bool isUnfinished) => MarkedHeader.Write(image, new RepairMark(_header.Id, isUnfinished));

    /// <summary>Saves what stands in a range of the image, where that has not been done yet. Not durable before <see cref="Flush"/>.</summary>
    /// <param name="image">The image.</param>
    /// <param name="offset">Where the range starts.</param>
    /// <param name="length">Its length in bytes; what lies beyond the image's original end needs no saving.</param>
    /// <param name="progress">Told how many bytes of the range are done.</param>
    /// <param name="cancellation">Honoured between records, when nothing in the range has changed yet.</param>
    internal void Save(BlockStorage image, long offset, long length, ProgressMeter progress, CancellationToken cancellation)
    {
        long end = Math.Min(offset + length, _header.OriginalLength);
        for (long block = offset / BlockSize; block * BlockSize < end;)
        {
            if (_records.Holds(block))
            {
                block++;
                continue;
            }

            cancellation.ThrowIfCancellationRequested();
            long first = block;
            while (block * BlockSize < end && !_records.Holds(block) && (block - first) * BlockSize < UndoRecord.LargestPayload)
                block++;
            SaveFresh(image, first, ref block, end);
            progress.ReachedAtLeast((block * BlockSize) - offset);
        }
    }

    /// <summary>Returns once everything saved is on stable storage.</summary>
    internal void Flush()
    {
        if (!_hasUnflushed)
            return;
        _file.Flush();
        _hasUnflushed = false;
        // Not flushed itself: it only says what is there by now, and the next flush takes it along.
        _header = _header with { DurableEnd = _records.End, DurableRecords = _records.Count };
        WriteHeader();
    }

    /// <summary>Notes that the repair has ended, and in which state.</summary>
    internal void Complete(BlockStorage image)
    {
        Flush();
        MarkImage(image, isUnfinished: false);
        _header = _header with { Phase = UndoPhase.Repaired, FinalLength = LengthOf(image), FinalState = StateOf(image) };
        WriteHeader();
        _file.Flush();
    }

    /// <summary>
    /// Whether the image is one that the journal leads back to its beginning: it has the journal's mark and, after the
    /// repair, what the repair has left in it; or nothing of it is changed at all.
    /// </summary>
    internal bool Fits(BlockStorage image)
        => MarkedHeader.Read(image)?.Id == _header.Id
            ? Phase != UndoPhase.Repaired || (LengthOf(image) == _header.FinalLength && StateOf(image) == _header.FinalState)
            : IsUndone(image);

    /// <summary>Whether everything that was saved stands in the image.</summary>
    internal bool IsUndone(BlockStorage image)
    {
        if (IsDamaged || LengthOf(image) != _header.OriginalLength)
            return false;
        byte[] saved = new byte[UndoRecord.LargestPayload];
        byte[] found = new byte[UndoRecord.LargestPayload];
        return _records.Ranges.All(range => range.Record.Kind == UndoRecordKind.Zeroes
            ? IsZero(image, range.Record, found)
            : Holds(image, range.Record, UndoRecords.Payload(_file, range, saved), found));
    }

    /// <summary>Puts everything back, durably; the header comes last, so that the mark says until then that there is more to come.</summary>
    /// <param name="image">The image.</param>
    /// <param name="isForced">Whether image and journal do not fit, or the journal is damaged.</param>
    /// <param name="progress">Told how many bytes of the image are back.</param>
    /// <param name="cancellation">Honoured between records; undoing goes on when it is called again.</param>
    /// <returns>Bytes that were put back.</returns>
    internal long Restore(BlockStorage image, bool isForced, ProgressMeter progress, CancellationToken cancellation)
    {
        if (_records.Ranges.Count == 0)
            return 0;
        if (Phase is UndoPhase.Repairing or UndoPhase.Repaired)
        {
            _header = _header with { Phase = isForced ? UndoPhase.UndoingByForce : UndoPhase.Undoing };
            WriteHeader();
            _file.Flush();
        }

        MarkImage(image, isUnfinished: true);
        // What was added may still be needed where not everything can be put back.
        if (!IsDamaged || image.Length < _header.OriginalLength)
            image.SetLength(_header.OriginalLength);
        progress.Expect(_records.Ranges.Sum(range => range.Record.Length));
        byte[] buffer = new byte[UndoRecord.LargestPayload];
        long done = 0;
        foreach (UndoRecords.Range range in _records.Ranges.Where(range => range.Record.Offset > 0))
        {
            cancellation.ThrowIfCancellationRequested();
            Restore(image, range, buffer);
            progress.ReachedAtLeast(done += range.Record.Length);
        }

        image.Flush();
        foreach (UndoRecords.Range range in _records.Ranges.Where(range => range.Record.Offset == 0))
        {
            Restore(image, range, buffer);
            done += range.Record.Length;
        }

        image.Flush();
        // Where the header's record is lost the mark has to go by itself.
        if (MarkedHeader.Read(image)?.Id == _header.Id)
            MarkedHeader.Write(image, null);
        return done;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Saves the image's header, which the mark changes before anything else is changed.</summary>
    private void SaveHeader(BlockStorage image)
    {
        Save(image, 0, QedHeader.Size, ProgressMeter.Silent, CancellationToken.None);
        Flush();
    }

    private void Restore(BlockStorage image, UndoRecords.Range range, byte[] buffer)
    {
        if (range.Record.Kind == UndoRecordKind.Zeroes)
            image.WriteZeroes(range.Record.Offset, range.Record.Length);
        else
            image.Write(range.Record.Offset, UndoRecords.Payload(_file, range, buffer));
    }

    private void WriteHeader()
    {
        Span<byte> bytes = stackalloc byte[UndoHeader.Size];
        _header.Write(bytes);
        _file.Write(0, bytes);
    }

    /// <summary>Saves blocks that were not saved before: holes without reading them.</summary>
    private void SaveFresh(BlockStorage image, long first, ref long block, long end)
    {
        long start = first * BlockSize;
        StorageExtent extent = image.NextExtent(start);
        long holeEnd = extent.IsHole ? Math.Min(extent.End, end) & -BlockSize : 0;
        if (holeEnd > start)
        {
            // However long the hole is, as far as nothing in it was saved before.
            block = first;
            while (block * BlockSize < holeEnd && !_records.Holds(block))
                block++;
            Append(new UndoRecord(UndoRecordKind.Zeroes, start, (block - first) * BlockSize, 0), default);
            return;
        }

        // The last block of the image may be a part of one.
        byte[] bytes = new byte[Math.Min(block * BlockSize, _header.OriginalLength) - start];
        image.ReadOrZero(start, bytes);
        if (ZeroScan.IsZero(bytes))
            Append(new UndoRecord(UndoRecordKind.Zeroes, start, bytes.Length, 0), default);
        else
            Append(new UndoRecord(UndoRecordKind.Bytes, start, bytes.Length, Crc32C.Of(bytes)), bytes);
    }

    private void Append(UndoRecord record, ReadOnlySpan<byte> payload)
    {
        _records.Append(_file, record, payload);
        _hasUnflushed = true;
    }

    private static bool IsZero(BlockStorage image, UndoRecord range, byte[] buffer)
    {
        for (long done = 0; done < range.Length; done += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, range.Length - done));
            image.ReadOrZero(range.Offset + done, part);
            if (!ZeroScan.IsZero(part))
                return false;
        }

        return true;
    }

    private static bool Holds(BlockStorage image, UndoRecord range, ReadOnlySpan<byte> saved, byte[] buffer)
    {
        Span<byte> found = buffer.AsSpan(0, saved.Length);
        image.ReadOrZero(range.Offset, found);
        return found.SequenceEqual(saved);
    }

    /// <summary>
    /// A checksum of what the image holds behind its original end and in the ranges that were saved, as far as
    /// <see cref="UndoState.Limit"/>: who writes an image properly takes the mark away, this is for who does not.
    /// </summary>
    private uint StateOf(BlockStorage image)
    {
        var state = new UndoState(image);
        foreach (UndoRecords.Range range in _records.Ranges)
            state.Add(range.Record.Offset, range.Record.Length);
        state.Add(_header.OriginalLength, LengthOf(image) - _header.OriginalLength);
        return state.Checksum;
    }

    /// <summary>The length of an image. That of a block device is none of the image's: it may change meanwhile.</summary>
    private long LengthOf(BlockStorage image) => image.HasFixedLength ? _header.OriginalLength : image.Length;
}
