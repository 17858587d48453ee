using System;
using System.Collections.Generic;
using Qed.Bits;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>The records of an undo journal: what they hold, what of them is whole, and which blocks of the image need no saving any more.</summary>
internal sealed class UndoRecords
{
    private readonly List<Range> _ranges = [];
    private readonly List<Range> _torn = [];
    private readonly List<UndoRecord> _damaged = [];
    // A repair saves a block here and one there.
    private readonly SparseBitSet _saved = new(wordsInPage: 1);

    /// <summary>The ranges of the image that were saved, in the order in which that was done.</summary>
    internal IReadOnlyList<Range> Ranges => _ranges;

    /// <summary>Records that were whole once and are not any more.</summary>
    internal IReadOnlyList<UndoRecord> Damaged => _damaged;

    /// <summary>Whether records are missing that were there once.</summary>
    internal bool IsCutOff { get; private set; }

    /// <summary>Where the next record goes.</summary>
    internal long End { get; private set; } = UndoJournal.FirstRecord;

    /// <summary>How many records there are, those of no use included.</summary>
    internal long Count { get; private set; }

    /// <summary>
    /// Reads the records of a journal. One whose bytes are not whole is passed over, as far as its length can be trusted:
    /// behind what was known to be durable that is what a crash leaves, and before it damage.
    /// </summary>
    internal static UndoRecords Read(BlockStorage file, UndoHeader header)
    {
        var records = new UndoRecords();
        long countOfDurable = 0;
        byte[] buffer = new byte[UndoRecord.LargestPayload];
        while (records.TryReadNext(file, buffer, header.DurableEnd))
            countOfDurable += records.End <= header.DurableEnd ? 1 : 0;
        records.IsCutOff = records.End < header.DurableEnd || countOfDurable != header.DurableRecords;
        return records;
    }

    /// <summary>Whether a block of the image was saved.</summary>
    internal bool Holds(long block) => _saved.Contains(block);

    /// <summary>Adds a record to the end of the journal.</summary>
    internal void Append(BlockStorage file, UndoRecord record, ReadOnlySpan<byte> payload)
    {
        byte[] bytes = new byte[UndoRecord.Size + payload.Length];
        record.Write(bytes);
        payload.CopyTo(bytes.AsSpan(UndoRecord.Size));
        file.Write(End, bytes);
        Remember(record);
    }

    /// <summary>The bytes that a record saves.</summary>
    internal static ReadOnlySpan<byte> Payload(BlockStorage file, Range range, byte[] buffer)
    {
        Span<byte> payload = buffer.AsSpan(0, range.Record.PayloadLength);
        file.ReadOrZero(range.Payload, payload);
        return payload;
    }

    /// <summary>Takes away what a crash has left half written, in the journal too.</summary>
    internal void DropTorn(BlockStorage file)
    {
        Span<byte> head = stackalloc byte[UndoRecord.Size];
        foreach (Range torn in _torn)
        {
            new UndoRecord(UndoRecordKind.Void, 0, torn.Record.PayloadLength, 0).Write(head);
            file.Write(torn.Payload - UndoRecord.Size, head);
        }

        if (file.Length > End)
            file.SetLength(End);
        _torn.Clear();
    }

    private bool TryReadNext(BlockStorage file, byte[] buffer, long durableEnd)
    {
        Span<byte> head = buffer.AsSpan(0, UndoRecord.Size);
        if (UndoRecord.TryRead(head.Slice(0, file.Read(End, head))) is not { } record)
            return false;
        Span<byte> payload = buffer.AsSpan(0, record.PayloadLength);
        if (file.Read(End + UndoRecord.Size, payload) < payload.Length)
            return false;
        if (record.Kind != UndoRecordKind.Bytes || Crc32C.Of(payload) == record.Checksum)
        {
            Remember(record);
            return true;
        }

        if (End + UndoRecord.Size + payload.Length <= durableEnd)
            _damaged.Add(record);
        else
            _torn.Add(new Range(record, End + UndoRecord.Size));
        PassOver(record);
        return true;
    }

    private void Remember(UndoRecord record)
    {
        if (record.IsRange)
        {
            _ranges.Add(new Range(record, End + UndoRecord.Size));
            long first = record.Offset / UndoJournal.BlockSize;
            _saved.Add(first, first + ((record.Length + UndoJournal.BlockSize - 1) / UndoJournal.BlockSize));
        }

        PassOver(record);
    }

    private void PassOver(UndoRecord record)
    {
        End += UndoRecord.Size + record.PayloadLength;
        Count++;
    }

    /// <param name="Record">What was saved.</param>
    /// <param name="Payload">Where in the journal its bytes lie, if it has any.</param>
    internal readonly record struct Range(UndoRecord Record, long Payload);
}
