using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// What stood in an image before a repair changed it: each range once, as it was first. A record is on stable storage
/// before its range is overwritten, so a journal that a crash cut short holds all that has been changed.
/// </summary>
/// <remarks>A header of 64 bytes (magic number, the image's length, checksum), then records: see <see cref="UndoRecord"/>.</remarks>
internal sealed class UndoJournal : IDisposable
{
    /// <summary>Ranges are saved in whole blocks of this many bytes.</summary>
    internal const int BlockSize = 4096;

    private const int HeaderSize = 64;
    private const ulong Magic = 0x314f444e55444551; // "QEDUNDO1"

    private readonly BlockStorage _file;
    private readonly List<(UndoRecord Record, long Payload)> _records = [];
    private readonly BlockSet _saved = new();
    private long _end = HeaderSize;
    private bool _hasUnflushed;

    private UndoJournal(BlockStorage file, long originalLength)
    {
        _file = file;
        OriginalLength = originalLength;
    }

    /// <summary>The image's length before the first change.</summary>
    internal long OriginalLength { get; }

    /// <summary>Whether the repair that wrote it has ended.</summary>
    internal bool IsCompleted => LastKind == UndoRecordKind.Completed;

    /// <summary>Whether an undo has begun and not ended.</summary>
    internal bool IsUndoing => LastKind == UndoRecordKind.Undoing;

    private UndoRecordKind? LastKind => _records.Count == 0 ? null : _records[_records.Count - 1].Record.Kind;

    /// <summary>Starts a journal in an empty file, which it owns from then on.</summary>
    internal static UndoJournal Create(BlockStorage file, long originalLength)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(header.Slice(8), originalLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header.Slice(HeaderSize - 4), Crc32C.Of(header.Slice(0, HeaderSize - 4)));
        file.Write(0, header);
        file.Flush();
        return new UndoJournal(file, originalLength);
    }

    /// <summary>Opens a journal, which owns the file from then on; what a crash has left half written at its end is ignored.</summary>
    /// <returns>Null where not even its header is whole: nothing had been changed yet.</returns>
    internal static UndoJournal? TryOpen(BlockStorage file)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (file.Read(0, header) < HeaderSize
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(HeaderSize - 4)) != Crc32C.Of(header.Slice(0, HeaderSize - 4)))
        {
            return null;
        }

        var journal = new UndoJournal(file, BinaryPrimitives.ReadInt64LittleEndian(header.Slice(8)));
        journal.ReadRecords();
        return journal;
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
        Append(new UndoRecord(UndoRecordKind.Completed, image.Length, 0, StateOf(image)), default);
        Flush();
    }

    /// <summary>Whether the image still is as the repair left it, as far as the repair has touched it.</summary>
    internal bool Matches(BlockStorage image)
        => IsCompleted && _records[_records.Count - 1].Record is { } last && last.Offset == image.Length && last.Checksum == StateOf(image);

    /// <summary>Puts everything back, durably.</summary>
    internal void Restore(BlockStorage image)
    {
        if (!IsUndoing)
            Append(new UndoRecord(UndoRecordKind.Undoing, 0, 0, 0), default);
        Flush();
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

    private void ReadRecords()
    {
        byte[] buffer = new byte[UndoRecord.Size + UndoRecord.LargestPayload];
        while (true)
        {
            Span<byte> head = buffer.AsSpan(0, UndoRecord.Size);
            if (UndoRecord.TryRead(head.Slice(0, _file.Read(_end, head))) is not { } record)
                return;
            Span<byte> payload = buffer.AsSpan(UndoRecord.Size, record.PayloadLength);
            if (_file.Read(_end + UndoRecord.Size, payload) < payload.Length)
                return;
            if (record.Kind == UndoRecordKind.Bytes && Crc32C.Of(payload) != record.Checksum)
                return;
            Remember(record);
        }
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
        if (record.Kind is UndoRecordKind.Bytes or UndoRecordKind.Zeroes)
            _saved.Add(record.Offset / BlockSize, (record.Length + BlockSize - 1) / BlockSize);
    }

    /// <summary>A checksum of what the image holds in every range that was saved.</summary>
    private uint StateOf(BlockStorage image)
    {
        uint checksum = 0;
        long length = image.Length;
        byte[] buffer = new byte[UndoRecord.LargestPayload];
        foreach ((UndoRecord record, _) in _records)
        {
            if (record.Kind is not (UndoRecordKind.Bytes or UndoRecordKind.Zeroes))
                continue;
            long end = Math.Min(record.Offset + record.Length, length);
            for (long offset = record.Offset; offset < end; offset += buffer.Length)
            {
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset));
                image.ReadOrZero(offset, part);
                checksum = Crc32C.Append(checksum, part);
            }
        }

        return checksum;
    }
}
