using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// What stood in an image before a repair changed it: each range once, as it was first. A record is on stable storage
/// before its range is overwritten, so a journal that a crash cut short holds all that has been changed.
/// </summary>
/// <remarks>
/// At 0 a header of 64 bytes (magic number, the image's length, checksum); at 512 a record once an undo has begun, written in
/// place so that an undo needs no space of its own; from 1024 on the records: see <see cref="UndoRecord"/>.
/// </remarks>
internal sealed class UndoJournal : IDisposable
{
    /// <summary>Ranges are saved in whole blocks of this many bytes.</summary>
    internal const int BlockSize = 4096;

    private const int HeaderSize = 64;
    private const int MarkOffset = 512;
    private const int FirstRecord = 1024;
    private const ulong Magic = 0x314f444e55444551; // "QEDUNDO1"

    private readonly BlockStorage _file;
    private readonly List<(UndoRecord Record, long Payload)> _records = [];
    private readonly List<(long Offset, int PayloadLength)> _torn = [];
    private readonly BlockSet _saved = new();
    private long _end = FirstRecord;
    private bool _hasUnflushed;

    private UndoJournal(BlockStorage file, long originalLength)
    {
        _file = file;
        OriginalLength = originalLength;
    }

    /// <summary>The image's length before the first change.</summary>
    internal long OriginalLength { get; }

    /// <summary>Whether the repair that wrote it has ended.</summary>
    internal bool IsCompleted => LastRecord is { Kind: UndoRecordKind.Completed };

    /// <summary>Whether an undo has begun and not ended.</summary>
    internal bool IsUndoing { get; private set; }

    /// <summary>Whether something in it has changed since the repair ended, so that it does not hold all that it should.</summary>
    internal bool IsDamaged { get; private set; }

    private UndoRecord? LastRecord => _records.Count == 0 ? null : _records[_records.Count - 1].Record;

    /// <summary>Starts a journal in an empty file, which it owns from then on.</summary>
    internal static UndoJournal Create(BlockStorage file, long originalLength)
    {
        Span<byte> start = stackalloc byte[FirstRecord];
        start.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(start, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(start.Slice(8), originalLength);
        BinaryPrimitives.WriteUInt32LittleEndian(start.Slice(HeaderSize - 4), Crc32C.Of(start.Slice(0, HeaderSize - 4)));
        file.Write(0, start);
        file.Flush();
        return new UndoJournal(file, originalLength);
    }

    /// <summary>Opens a journal, which owns the file from then on; what a crash has left half written at its end is ignored.</summary>
    /// <returns>Null where not even its header is there: nothing had been changed yet.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt where the header is damaged, or the file is something else.</exception>
    internal static UndoJournal? TryOpen(BlockStorage file)
    {
        Span<byte> start = stackalloc byte[FirstRecord];
        file.ReadOrZero(0, start);
        Span<byte> header = start.Slice(0, HeaderSize);
        if (file.Length <= FirstRecord && ZeroScan.IsZero(header))
            return null;
        long originalLength = BinaryPrimitives.ReadInt64LittleEndian(header.Slice(8));
        if (BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic || originalLength < 0
            || BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(HeaderSize - 4)) != Crc32C.Of(header.Slice(0, HeaderSize - 4)))
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the undo file is damaged, or is none", file.Path) { Offset = 0 };
        }

        var journal = new UndoJournal(file, originalLength) { IsUndoing = UndoRecord.TryRead(start.Slice(MarkOffset)) is { Kind: UndoRecordKind.Undoing } };
        journal.ReadRecords();
        return journal;
    }

    /// <summary>Makes ready to go on after a crash: what it has left half written is not to be taken for damage later.</summary>
    internal void Resume()
    {
        Span<byte> head = stackalloc byte[UndoRecord.Size];
        foreach ((long offset, int payloadLength) in _torn)
        {
            new UndoRecord(UndoRecordKind.Void, 0, payloadLength, 0).Write(head);
            _file.Write(offset, head);
        }

        if (_file.Length > _end)
            _file.SetLength(_end);
        _file.Flush();
        _torn.Clear();
    }

    /// <summary>Saves what stands in a range of the image, where that has not been done yet. Not durable before <see cref="Flush"/>.</summary>
    internal void Save(BlockStorage image, long offset, long length)
    {
        long end = Math.Min(offset + length, OriginalLength);
        for (long block = offset / BlockSize; block * BlockSize < end;)
        {
            if (_saved.Contains(block))
            {
                block++;
                continue;
            }

            long first = block;
            while (block * BlockSize < end && !_saved.Contains(block) && (block - first) * BlockSize < UndoRecord.LargestPayload)
                block++;
            SaveFresh(image, first, ref block, end);
        }
    }

    /// <summary>Returns once everything saved is on stable storage.</summary>
    internal void Flush()
    {
        if (!_hasUnflushed)
            return;
        _file.Flush();
        _hasUnflushed = false;
    }

    /// <summary>Notes that the repair has ended, and in which state.</summary>
    internal void Complete(BlockStorage image)
    {
        Append(new UndoRecord(UndoRecordKind.Completed, image.Length, image.WriteStamp ?? 0, StateOf(image)), default);
        Flush();
    }

    /// <summary>Whether the image still is as the repair left it, as far as can be told without reading all of it.</summary>
    internal bool Matches(BlockStorage image)
        => LastRecord is { Kind: UndoRecordKind.Completed } last && last.Offset == image.Length
            && (last.Length == 0 || image.WriteStamp is not { } stamp || stamp == last.Length) && last.Checksum == StateOf(image);

    /// <summary>Puts everything back, durably.</summary>
    internal void Restore(BlockStorage image)
    {
        if (!IsUndoing)
            MarkUndoing();
        image.SetLength(OriginalLength);
        byte[] buffer = new byte[UndoRecord.LargestPayload];
        foreach ((UndoRecord record, long payload) in _records)
        {
            if (record.Kind == UndoRecordKind.Zeroes)
            {
                image.WriteZeroes(record.Offset, record.Length);
            }
            else if (record.Kind == UndoRecordKind.Bytes)
            {
                Span<byte> bytes = buffer.AsSpan(0, record.PayloadLength);
                _file.Read(payload, bytes);
                image.Write(record.Offset, bytes);
            }
        }

        image.Flush();
    }

    public void Dispose() => _file.Dispose();

    private void MarkUndoing()
    {
        Span<byte> mark = stackalloc byte[UndoRecord.Size];
        new UndoRecord(UndoRecordKind.Undoing, 0, 0, 0).Write(mark);
        _file.Write(MarkOffset, mark);
        _file.Flush();
        IsUndoing = true;
    }

    /// <summary>
    /// A record whose bytes are not whole is passed over, as far as its length can be trusted. That is what a crash leaves
    /// at the end of a journal; where the end of the repair was noted there was none.
    /// </summary>
    private void ReadRecords()
    {
        byte[] buffer = new byte[UndoRecord.Size + UndoRecord.LargestPayload];
        while (ReadHead(_end, buffer) is { } record)
        {
            Span<byte> payload = buffer.AsSpan(UndoRecord.Size, record.PayloadLength);
            if (_file.Read(_end + UndoRecord.Size, payload) < payload.Length)
                break;
            if (record.Kind == UndoRecordKind.Bytes && Crc32C.Of(payload) != record.Checksum)
            {
                _torn.Add((_end, payload.Length));
                _end += UndoRecord.Size + payload.Length;
                continue;
            }

            Remember(record);
        }

        bool endsCompleted = ReadHead(_file.Length - UndoRecord.Size, buffer) is { Kind: UndoRecordKind.Completed };
        IsDamaged = endsCompleted && (_torn.Count > 0 || _end != _file.Length);
    }

    private UndoRecord? ReadHead(long offset, byte[] buffer)
        => offset < FirstRecord ? null : UndoRecord.TryRead(buffer.AsSpan(0, _file.Read(offset, buffer.AsSpan(0, UndoRecord.Size))));

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
            while (block * BlockSize < holeEnd && !_saved.Contains(block))
                block++;
            Append(new UndoRecord(UndoRecordKind.Zeroes, start, (block - first) * BlockSize, 0), default);
            return;
        }

        // The last block of the image may be a part of one.
        byte[] bytes = new byte[Math.Min(block * BlockSize, OriginalLength) - start];
        image.ReadOrZero(start, bytes);
        if (ZeroScan.IsZero(bytes))
            Append(new UndoRecord(UndoRecordKind.Zeroes, start, bytes.Length, 0), default);
        else
            Append(new UndoRecord(UndoRecordKind.Bytes, start, bytes.Length, Crc32C.Of(bytes)), bytes);
    }

    private void Append(UndoRecord record, ReadOnlySpan<byte> payload)
    {
        byte[] bytes = new byte[UndoRecord.Size + payload.Length];
        record.Write(bytes);
        payload.CopyTo(bytes.AsSpan(UndoRecord.Size));
        _file.Write(_end, bytes);
        _hasUnflushed = true;
        Remember(record);
    }

    private void Remember(UndoRecord record)
    {
        _records.Add((record, _end + UndoRecord.Size));
        _end += UndoRecord.Size + record.PayloadLength;
        if (record.IsRange)
            _saved.Add(record.Offset / BlockSize, (record.Length + BlockSize - 1) / BlockSize);
    }

    /// <summary>A checksum of what the image holds in every range that was saved, and behind its original end.</summary>
    private uint StateOf(BlockStorage image)
    {
        uint checksum = 0;
        byte[] buffer = new byte[UndoRecord.LargestPayload];
        foreach ((UndoRecord record, _) in _records)
        {
            if (record.IsRange)
                checksum = StateOf(image, record.Offset, record.Offset + record.Length, checksum, buffer);
        }

        return StateOf(image, OriginalLength, long.MaxValue, checksum, buffer);
    }

    private static uint StateOf(BlockStorage image, long start, long end, uint checksum, byte[] buffer)
    {
        end = Math.Min(end, image.Length);
        for (long offset = start; offset < end; offset += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset));
            image.ReadOrZero(offset, part);
            checksum = Crc32C.Append(checksum, part);
        }

        return checksum;
    }
}
