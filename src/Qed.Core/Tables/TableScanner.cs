using System;
using System.Buffers;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
#if NET
using System.Runtime.Intrinsics.X86;
#endif
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Tables;

/// <summary>Reads batches of L2 tables, counts what they hold and notes what breaks a rule. One worker has one scanner.</summary>
internal sealed class TableScanner : IDisposable
{
    private const int LookAhead = 16;

    private readonly BlockStorage _storage;
    private readonly ImageBounds _bounds;
    private readonly ulong _alignmentMask;
    private readonly ulong _clusterSize;
    private readonly int _clusterBits;
    // Rented when there is something to read: over thousands of small images a fresh megabyte each costs more than their check.
    private ulong[] _entries = [];

    internal TableScanner(BlockStorage storage, ImageBounds bounds, ReferenceMap references)
    {
        _storage = storage;
        _bounds = bounds;
        _clusterSize = (ulong)bounds.Geometry.ClusterSize;
        _alignmentMask = _clusterSize - 1;
        _clusterBits = bounds.Geometry.ClusterBits;
        References = references;
    }

    /// <summary>Called for each entry that needs a closer look.</summary>
    internal delegate void EntryAction(int l1Index, int l2Index, ulong entry);

    internal ReferenceMap References { get; }

    internal List<TableFault> Faults { get; } = [];

    internal long CorruptionCount { get; private set; }

    /// <summary>Entries that point at clusters of the file and map guest bytes beyond the end of the disk.</summary>
    internal long BeyondEnd { get; private set; }

    internal long Allocated { get; private set; }

    internal long Zero { get; private set; }

    internal long Fragmented { get; private set; }

    /// <summary>What <see cref="Fragmented"/> cannot see: the seams of tables that are read in pieces.</summary>
    internal TableSeams Seams { get; } = new();

    /// <summary>Scans a batch: references, counts and faults.</summary>
    internal void Scan(TableBatch batch, int maximumFaults)
    {
        if (IsHole(batch))
            return;
        int each = Read(batch);
        for (int i = 0; i < batch.Tables.Count; i++)
        {
            int l1Index = batch.Tables[i].L1Index;
            ReadOnlySpan<ulong> entries = _entries.AsSpan(i * each, each);
            int inside = _bounds.EntriesInsideDisk(l1Index, batch.FirstEntry, each);
            if (each < _bounds.Geometry.EntriesPerTable)
                NoteSeams(entries.Slice(0, inside), l1Index, batch.FirstEntry);
            if (inside == each && ScanSound(entries))
                continue;
            ScanSlowly(entries, inside, l1Index, batch.FirstEntry, maximumFaults);
        }
    }

    /// <summary>The entries of a batch, table by table; none where nothing of it was ever written. Valid until the next batch is read.</summary>
    internal ReadOnlySpan<ulong> EntriesOf(TableBatch batch)
    {
        if (IsHole(batch))
            return default;
        Read(batch);
        return _entries.AsSpan(0, batch.Entries);
    }

    /// <summary>Calls an action for each data entry that points at a valid cluster.</summary>
    internal void ForEachData(TableBatch batch, EntryAction action)
    {
        if (IsHole(batch))
            return;
        int each = Read(batch);
        for (int i = 0; i < batch.Tables.Count; i++)
        {
            for (int entry = 0; entry < each; entry++)
            {
                ulong value = _entries[(i * each) + entry];
                if (IsData(value))
                    action(batch.Tables[i].L1Index, batch.FirstEntry + entry, value);
            }
        }
    }

    /// <summary>Gives its memory back; what it has found stays.</summary>
    public void Dispose()
    {
        if (_entries.Length > 0)
            ArrayPool<ulong>.Shared.Return(_entries);
        _entries = [];
    }

    /// <summary>Whether nothing of a batch was ever written: a table of a large geometry is up to 1 GiB of mostly nothing.</summary>
    private bool IsHole(TableBatch batch)
        => _storage.IsHole(batch.Offset.Value, (long)batch.Entries * TableEntry.Size);

    private int Read(TableBatch batch)
    {
        if (_entries.Length == 0)
            _entries = ArrayPool<ulong>.Shared.Rent(TableBatch.MaximumBytes / TableEntry.Size);
        Span<ulong> entries = _entries.AsSpan(0, batch.Entries);
        _storage.ReadOrZero(batch.Offset.Value, TableCodec.Bytes(entries));
        TableCodec.Convert(entries);
        return batch.Entries / batch.Tables.Count;
    }

    /// <summary>
    /// The whole cost of a check on a sound image, so nothing here that is not needed: one pass to see that every entry
    /// is a mark or a fresh cluster in bounds. Gives up, with its marks taken back, at the first that is not.
    /// </summary>
    private bool ScanSound(ReadOnlySpan<ulong> entries)
    {
        ref ulong words = ref MemoryMarshal.GetReference(References.Used.Words.AsSpan());
        ulong firstData = (ulong)_bounds.FirstData.Value;
        ulong range = (ulong)_bounds.FileEnd.Value - firstData;
        ulong previous = 0;
        long allocated = 0;
        long zero = 0;
        long fragmented = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            ulong entry = entries[i];
            Prefetch(ref words, entries, i + LookAhead);
            if (entry <= TableEntry.Zero)
            {
                zero += (long)entry;
                continue;
            }

            // One unsigned comparison covers both ends; the cold path decides what exactly is wrong.
            if ((entry & _alignmentMask) != 0 || entry - firstData >= range)
                return TakeBack(entries.Slice(0, i));
            ulong cluster = entry >> _clusterBits;
            ref ulong word = ref Unsafe.Add(ref words, (nint)(cluster >> 6));
            ulong bit = 1UL << (int)(cluster & 63);
            if ((word & bit) != 0)
                return TakeBack(entries.Slice(0, i));
            word |= bit;
            allocated++;
            fragmented += previous != 0 && entry != previous + _clusterSize ? 1 : 0;
            previous = entry;
        }

        Allocated += allocated;
        Zero += zero;
        Fragmented += fragmented;
        return true;
    }

    /// <summary>Fetches the bits of an entry that comes soon: the bitmap of a large image fits no cache, and its order none either.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void Prefetch(ref ulong words, ReadOnlySpan<ulong> entries, int index)
    {
#if NET
        // A hint may point anywhere, so the entry need not have been checked, nor the array to stay where it is.
        if (Sse.IsSupported && index < entries.Length)
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref words, (nint)(entries[index] >> (_clusterBits + 6)))));
#endif
    }

    private void NoteSeams(ReadOnlySpan<ulong> entries, int l1Index, int firstEntry)
    {
        int first = 0;
        while (first < entries.Length && !IsData(entries[first]))
            first++;
        int last = entries.Length - 1;
        while (last > first && !IsData(entries[last]))
            last--;
        if (first < entries.Length)
            Seams.Add(l1Index, firstEntry, new HostOffset((long)entries[first]), new HostOffset((long)entries[last]));
    }

    private bool IsData(ulong entry) => TableEntry.IsOffset(entry) && _bounds.FaultOf(entry, 1) is null;

    private bool TakeBack(ReadOnlySpan<ulong> entries)
    {
        ulong[] words = References.Used.Words;
        foreach (ulong entry in entries)
        {
            if (entry > TableEntry.Zero)
                words[entry >> _clusterBits >> 6] &= ~(1UL << (int)((entry >> _clusterBits) & 63));
        }

        return false;
    }

    private void ScanSlowly(ReadOnlySpan<ulong> entries, int inside, int l1Index, int firstEntry, int maximumFaults)
    {
        ulong previous = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            ulong entry = entries[i];
            bool isInside = i < inside;
            if (entry <= TableEntry.Zero)
            {
                // A mark beyond the end takes no space and hides nothing: a growth that was cut short leaves some.
                Zero += isInside ? (long)entry : 0;
                continue;
            }

            if (_bounds.FaultOf(entry, 1) is { } fault)
            {
                CorruptionCount++;
                List(isInside ? fault : CheckIssueKind.EntryBeyondImageSize, entry, l1Index, firstEntry + i, maximumFaults);
                continue;
            }

            References.Add(_bounds.Geometry.ClusterOf(new HostOffset((long)entry)), 1);
            if (!isInside)
            {
                BeyondEnd++;
                List(CheckIssueKind.EntryBeyondImageSize, entry, l1Index, firstEntry + i, maximumFaults);
                continue;
            }

            Allocated++;
            Fragmented += previous != 0 && entry != previous + _clusterSize ? 1 : 0;
            previous = entry;
        }
    }

    private void List(CheckIssueKind kind, ulong entry, int l1Index, int l2Index, int maximumFaults)
    {
        if (Faults.Count < maximumFaults)
            Faults.Add(new TableFault(kind, entry, l1Index, l2Index));
    }
}
