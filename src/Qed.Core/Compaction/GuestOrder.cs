using System;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>
/// The clusters of data numbered in the order in which the guest sees them, found by their number: one number a page of a
/// table is kept in memory, the rest is read from the tables. Not safe for several threads.
/// </summary>
internal sealed class GuestOrder
{
    private const int PageEntries = 512;

    private readonly BlockStorage _storage;
    private readonly LayoutMoves _moves;
    private readonly int _pagesEach;
    // How many clusters of data come before each page, and at the end all.
    private readonly long[] _before;
    private readonly HostOffset[] _read;
    private readonly ulong[] _entries = new ulong[PageEntries];
    private long _page = -1;
    private long _last;
    private int _lastIndex;

    private GuestOrder(BlockStorage storage, LayoutMoves moves)
    {
        _storage = storage;
        _moves = moves;
        _pagesEach = Layout.Geometry.EntriesPerTable / PageEntries;
        _before = new long[((long)Layout.Tables.Count * _pagesEach) + 1];
        _read = new HostOffset[Layout.Tables.Count];
        for (int table = 0; table < _read.Length; table++)
            _read[table] = Layout.OffsetOf(table);
    }

    /// <summary>How many clusters of data there are.</summary>
    internal long Total => _before[_before.Length - 1];

    private ImageLayout Layout => _moves.Layout;

    /// <summary>Counts by one pass over the tables; the data may move afterwards, and the tables.</summary>
    internal static GuestOrder Read(BlockStorage storage, LayoutMoves moves, TableScanner scanner, CancellationToken cancellation)
    {
        var order = new GuestOrder(storage, moves);
        foreach (TableBatch batch in TableBatch.Cut([.. moves.Layout.Tables], moves.Layout.Geometry))
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<ulong> entries = scanner.EntriesOf(batch);
            for (int i = 0; i < batch.Tables.Count && !entries.IsEmpty; i++)
                order.Count(moves.Layout.NumberOf(batch.Tables[i]), batch.FirstEntry, entries.Slice(i * batch.EntriesEach, batch.EntriesEach));
        }

        for (int page = 1; page < order._before.Length; page++)
            order._before[page] += order._before[page - 1];
        return order;
    }

    /// <summary>Where the entry lies of a cluster of data, and which cluster it names.</summary>
    internal (HostOffset Entry, long Cluster) Find(long number)
    {
        if (_page < 0 || number < _last || number >= _before[_page + 1])
            ReadPage(number);
        for (; ; _lastIndex++)
        {
            if (!IsData(_entries[_lastIndex]))
                continue;
            if (_last == number)
                break;
            _last++;
        }

        return (PageOffset(Layout.OffsetOf) + ((long)_lastIndex * TableEntry.Size), (long)(_entries[_lastIndex] >> Layout.Geometry.ClusterBits));
    }

    /// <summary>Reads entries anew, which were changed.</summary>
    internal void Forget() => _page = -1;

    private void Count(int table, int firstEntry, ReadOnlySpan<ulong> entries)
    {
        for (int i = 0; i < entries.Length; i++)
            _before[((long)table * _pagesEach) + ((firstEntry + i) / PageEntries) + 1] += IsData(entries[i]) ? 1 : 0;
    }

    private HostOffset PageOffset(Func<int, HostOffset> offsetOf)
        => offsetOf((int)(_page / _pagesEach)) + (_page % _pagesEach * PageEntries * TableEntry.Size);

    private bool IsData(ulong entry) => TableEntry.IsOffset(entry) && !_moves.IsFreed((long)(entry >> Layout.Geometry.ClusterBits));

    private void ReadPage(long number)
    {
        // The last page that begins at or before the number.
        long page = 0;
        for (long end = _before.Length - 1; end - page > 1;)
        {
            long middle = (page + end) >> 1;
            (page, end) = _before[middle] <= number ? (middle, end) : (page, middle);
        }

        _page = page;
        _last = _before[page];
        _lastIndex = 0;
        Span<ulong> entries = _entries;
        // A rehearsal has moved no table.
        _storage.ReadWhole(PageOffset(table => _moves.IsRehearsal ? _read[table] : Layout.OffsetOf(table)).Value, TableCodec.Bytes(entries));
        TableCodec.Convert(entries);
    }
}
