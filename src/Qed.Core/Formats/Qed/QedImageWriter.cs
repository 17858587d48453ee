using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Bits;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Qed;

/// <summary>
/// Fills a fresh QED image: header, L1 table, data clusters in guest order, L2 tables side by side at the end. The
/// tables stay in memory (8 bytes a cluster with data) and the header is written last, so nothing takes a half-written
/// file for an image.
/// </summary>
internal sealed class QedImageWriter : MappedImageWriter
{
    private const int LargestGrain = 1 << 16;

    private readonly QedGeometry _geometry;
    private readonly long _size;
    private readonly BackingReference? _backing;
    private readonly byte[]? _backingName;
    private readonly object _lock = new();
    // L2 entries by guest cluster: a table of up to 1 GiB is never held whole.
    private readonly EntryPages _entries;
    private readonly Preallocation? _preallocation;
    private long _nextCluster;

    internal QedImageWriter(BlockStorage target, QedGeometry geometry, long size, BackingReference? backing, byte[]? backingName)
        : base(target)
    {
        _geometry = geometry;
        _size = size;
        _backing = backing;
        _backingName = backingName;
        _nextCluster = 1 + geometry.TableSize;
        _entries = new EntryPages(geometry.ClusterBits, TableEntry.OffsetMask);
        // Not where clusters are filled in part and the rest stays a hole.
        if (Grain == geometry.ClusterSize)
            _preallocation = new Preallocation(target, _nextCluster << geometry.ClusterBits);
    }

    // Under a backing file a cluster is the least that can be written: its rest would no longer come from there.
    public override int Grain => _backing is null ? Math.Min(_geometry.ClusterSize, LargestGrain) : _geometry.ClusterSize;

    public override void Reserve(GuestOffset offset, long length)
    {
        lock (_lock)
        {
            (long first, long last) = _entries.Clusters(offset, length);
            for (long cluster = first; cluster <= last; cluster++)
            {
                ref ulong entry = ref _entries[cluster];
                if (!TableEntry.IsOffset(entry))
                    entry = (ulong)_geometry.OffsetOf(new ClusterIndex(_nextCluster++)).Value;
            }

            _preallocation?.Reach(_nextCluster << _geometry.ClusterBits);
        }
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        if (_backing is null || length == 0)
            return;
        lock (_lock)
            _entries.MarkUnset(offset, length, TableEntry.Zero);
    }

    public override void Complete()
    {
        Dictionary<int, HostOffset> tables = PlaceTables();
        Target.SetLength(_geometry.OffsetOf(new ClusterIndex(_nextCluster)).Value);
        foreach ((long first, ulong[] entries) in _entries.InOrder)
            WritePage(first, entries, tables);
        WriteL1(tables);
        if (_backingName is not null)
            Target.Write(QedHeader.BackingNameDefaultOffset, _backingName);
        Target.Flush();
        WriteHeader();
        Target.Flush();
    }

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        lock (_lock)
            return _entries.FindRun(offset, wanted);
    }

    private Dictionary<int, HostOffset> PlaceTables()
    {
        var tables = new Dictionary<int, HostOffset>();
        foreach (int l1Index in _entries.InOrder.SelectMany(page => L1IndexesOf(page.First, page.Entries)).Distinct().OrderBy(index => index))
        {
            tables.Add(l1Index, _geometry.OffsetOf(new ClusterIndex(_nextCluster)));
            _nextCluster += _geometry.TableSize;
        }

        return tables;
    }

    /// <summary>The tables that a page has entries of: one, or several where tables are smaller than a page.</summary>
    private IEnumerable<int> L1IndexesOf(long first, ulong[] entries)
    {
        int step = Math.Min(entries.Length, _geometry.EntriesPerTable);
        for (int start = 0; start < entries.Length; start += step)
        {
            if (!ZeroScan.IsZero(TableCodec.Bytes(entries.AsSpan(start, step))))
                yield return L1IndexOf(first + start);
        }
    }

    private int L1IndexOf(long guestCluster) => (int)(guestCluster >> _geometry.EntriesBits);

    private void WritePage(long first, ulong[] entries, Dictionary<int, HostOffset> tables)
    {
        TableCodec.Convert(entries);
        int step = Math.Min(entries.Length, _geometry.EntriesPerTable);
        for (int start = 0; start < entries.Length; start += step)
        {
            long cluster = first + start;
            if (!tables.TryGetValue(L1IndexOf(cluster), out HostOffset table))
                continue;
            long inTable = (cluster & (_geometry.EntriesPerTable - 1)) * TableEntry.Size;
            Span<byte> bytes = TableCodec.Bytes(entries.AsSpan(start, step));
            if (!ZeroScan.IsZero(bytes))
                Target.Write(table.Value + inTable, bytes);
        }
    }

    private void WriteL1(Dictionary<int, HostOffset> tables)
    {
        if (tables.Count == 0)
            return;
        var l1 = new ulong[tables.Keys.Max() + 1];
        foreach (KeyValuePair<int, HostOffset> table in tables)
            l1[table.Key] = (ulong)table.Value.Value;
        TableCodec.Convert(l1);
        Target.Write(_geometry.ClusterSize, TableCodec.Bytes(l1));
    }

    private void WriteHeader()
    {
        var header = new QedHeader
        {
            Geometry = _geometry,
            Features = _backing is null ? QedFeatures.None : BackingNameChange.FeaturesOf(_backing),
            L1TableOffset = new HostOffset(_geometry.ClusterSize),
            ImageSize = _size,
            BackingNameOffset = _backingName is null ? 0 : (uint)QedHeader.BackingNameDefaultOffset,
            BackingNameSize = (uint)(_backingName?.Length ?? 0),
        };
        Span<byte> bytes = stackalloc byte[QedHeader.Size];
        header.Write(bytes);
        Target.Write(0, bytes);
    }
}
