using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Layout;
using Qed.Space;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>
/// Where each guest cluster lies: the L1 table in memory and the L2 tables through the cache. Changes stay in memory
/// until <see cref="Commit"/>, which writes each page once, however many requests have changed it.
/// </summary>
/// <remarks>
/// A lookup whose page is in memory takes no lock: the L1 table, its entries and the pages are published whole. What a
/// writer has set, and where the file ends, is seen by whoever sees the entry that it set last.
/// </remarks>
internal sealed class ClusterMap
{
    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly ClusterSpace _space;
    private readonly HostOffset _headerEnd;
    private readonly TableCache _cache;
    private readonly object _l1Lock = new();
    private readonly SortedSet<int> _dirtyL1 = [];
    private bool _l1ComesAfterTables;
    private HostOffset _l1Offset;
    // Changed under its lock only, and read without: entry by entry.
    private volatile ulong[] _l1;
    // Of a table that is only read.
    private volatile PageFaults? _l1Faults;

    internal ClusterMap(BlockStorage storage, QedHeader header, ClusterSpace space, long cacheBytes)
    {
        _storage = storage;
        _geometry = header.Geometry;
        _space = space;
        _l1Offset = header.L1TableOffset;
        _headerEnd = new HostOffset(header.HeaderBytes);
        _cache = new TableCache(storage, header.Geometry, cacheBytes);
        _l1 = ReadL1(0, _geometry.L1EntriesFor(header.ImageSize));
    }

    /// <summary>Whether changes wait in more pages than the cache should hold: time to commit.</summary>
    internal bool WantsCommit => _cache.IsMostlyDirty;

    /// <summary>Whether all tables together take no more than so many bytes.</summary>
    internal bool HasTablesWithin(long bytes)
    {
        ulong[] l1 = _l1;
        return _geometry.TableBytes * (1 + (l1.Length <= bytes / TableEntry.Size ? l1.Count(entry => entry != TableEntry.Unallocated) : l1.Length)) <= bytes;
    }

    /// <summary>The L1 entries that the image's size makes use of.</summary>
    internal ulong[] L1
    {
        get
        {
            lock (_l1Lock)
                return (ulong[])_l1.Clone();
        }
    }

    /// <summary>The header and the tables, as far as they lie where tables may.</summary>
    internal IEnumerable<FileRange> Structures()
    {
        yield return new FileRange(0, _headerEnd.Value);
        yield return new FileRange(_l1Offset.Value, _geometry.TableBytes);
        foreach (ulong table in L1)
        {
            if (table != TableEntry.Unallocated && IsValid(table, _geometry.TableBytes))
                yield return new FileRange((long)table, _geometry.TableBytes);
        }
    }

    /// <summary>The run of like clusters at a guest offset, contiguous in the file where it is data.</summary>
    /// <param name="offset">Guest offset, anywhere in a cluster.</param>
    /// <param name="maximum">Longest run of interest in bytes.</param>
    /// <returns>The first entry of the run (an offset already advanced to the very byte), and its length in bytes.</returns>
    internal MappedRun Find(GuestOffset offset, long maximum)
    {
        int l1Index = _geometry.L1Index(offset);
        HostOffset? table = TableOf(l1Index);
        long inCluster = offset.Value & (_geometry.ClusterSize - 1);
        if (table is null)
        {
            long toSpanEnd = _geometry.L2Span - (offset.Value & (_geometry.L2Span - 1));
            return new MappedRun(TableEntry.Unallocated, Math.Min(maximum, toSpanEnd));
        }

        int l2Index = _geometry.L2Index(offset);
        int wanted = (int)Math.Min(TablePage.Entries, ((maximum - 1 + inCluster) >> _geometry.ClusterBits) + 1);
        (ulong entry, int count) = _cache.PageOf(table.Value, l2Index)
            .FindRun(l2Index & (TablePage.Entries - 1), wanted, (ulong)_geometry.ClusterSize);
        if (TableEntry.IsOffset(entry))
        {
            count = ValidClusters(entry, count, table.Value, l1Index, l2Index);
            entry += (ulong)inCluster;
        }

        return new MappedRun(entry, Math.Min(maximum, ((long)count << _geometry.ClusterBits) - inCluster));
    }

    /// <summary>Whether the entries before and behind a guest offset lie in different pages, so that <see cref="Find"/> cannot see both.</summary>
    internal bool IsPageBoundary(GuestOffset offset)
        => (offset.Value & (((long)TablePage.Entries << _geometry.ClusterBits) - 1)) == 0;

    /// <summary>Points consecutive guest clusters at consecutive host clusters, or marks them all alike.</summary>
    /// <param name="offset">Guest offset of the first, cluster-aligned.</param>
    /// <param name="clusters">How many.</param>
    /// <param name="first">The host offset of the first, or a mark.</param>
    /// <param name="comesAfterData">Whether the entries may not reach the disk before what they point at, for there is something else.</param>
    internal void Set(GuestOffset offset, long clusters, ulong first, bool comesAfterData = false)
    {
        ulong step = TableEntry.IsOffset(first) ? (ulong)_geometry.ClusterSize : 0;
        while (clusters > 0)
        {
            HostOffset table = TableOf(_geometry.L1Index(offset)) ?? AddTable(_geometry.L1Index(offset));
            int l2Index = _geometry.L2Index(offset);
            int count = (int)Math.Min(clusters, TablePage.Entries - (l2Index & (TablePage.Entries - 1)));
            _cache.Set(table, l2Index, count, first, step, comesAfterData);
            clusters -= count;
            first += step * (ulong)count;
            offset += (long)count << _geometry.ClusterBits;
        }
    }

    /// <summary>Gives the span of a guest offset an L2 table, if it has none, so that <see cref="Set"/> needs no space.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace, with nothing changed.</exception>
    internal void EnsureTable(GuestOffset offset)
    {
        int l1Index = _geometry.L1Index(offset);
        if (TableOf(l1Index) is null)
            AddTable(l1Index);
    }

    /// <summary>Gives a span that has no L2 table one whose entries are all alike: written at once, past the cache.</summary>
    /// <param name="l1Index">The span.</param>
    /// <param name="piece">Entries as they lie on disk, of which the table is a multiple.</param>
    /// <returns>False, with nothing done, where the span has a table.</returns>
    internal bool TryAddTable(int l1Index, ReadOnlySpan<byte> piece)
    {
        if (TableOf(l1Index) is not null)
            return false;
        HostOffset table = NewTable(piece, out bool isWritten);
        lock (_l1Lock)
            SetL1(l1Index, table, isWritten);
        return true;
    }

    /// <summary>Removes an L2 table from the map; its clusters are unreferenced after the next commit.</summary>
    internal void DropTable(int l1Index)
    {
        lock (_l1Lock)
        {
            if (_l1[l1Index] == TableEntry.Unallocated)
                return;
            Volatile.Write(ref _l1[l1Index], TableEntry.Unallocated);
            _dirtyL1.Add(l1Index);
        }
    }

    /// <summary>Makes all changes durable, in an order that a crash cannot turn into a wrong mapping; one caller at a time.</summary>
    /// <param name="mayMix">
    /// Whether data and entries may reach the disk in any order, as long as all places that entries point at are fresh: where
    /// NEED_CHECK is set and no backing file would show in place of what a crash has lost.
    /// </param>
    internal void Commit(bool mayMix)
    {
        SpaceCommit space = _space.BeginCommit();
        var changes = new List<TablePage.Change>();
        bool isWritten = false;
        (Dictionary<int, ulong> l1Changes, bool l1ComesAfterTables) = TakeL1Changes();
        try
        {
            _cache.TakeChanges(changes);
            // Asked last: what was taken points at no cluster that was given out later.
            bool isInAnyOrder = mayMix && !l1ComesAfterTables && !changes.Any(change => change.ComesAfterData) && _space.IsEndDurable;
            Write(changes, l1Changes, isInAnyOrder);
            isWritten = true;
        }
        finally
        {
            foreach (TablePage.Change change in changes)
                change.End(isWritten);
            if (!isWritten)
                GiveBackL1(l1Changes.Keys, l1ComesAfterTables);
            _space.EndCommit(space, isWritten);
        }
    }

    /// <summary>Loads the L1 entries that a larger image makes use of.</summary>
    internal void ExtendTo(long imageSize)
    {
        lock (_l1Lock)
        {
            int wanted = _geometry.L1EntriesFor(imageSize);
            ulong[] old = _l1;
            if (wanted <= old.Length)
                return;
            _l1 = [.. old, .. ReadL1(old.Length, wanted - old.Length)];
        }
    }

    /// <summary>Forgets cached pages, some of which may have been tables that are none any more; nothing may be uncommitted.</summary>
    internal void ForgetPages() => _cache.Clear();

    /// <summary>Reads the L1 table anew and forgets cached pages, after the file was changed beneath; nothing may be uncommitted.</summary>
    internal void Reload(QedHeader header)
    {
        lock (_l1Lock)
        {
            _l1Offset = header.L1TableOffset;
            _l1 = ReadL1(0, _geometry.L1EntriesFor(header.ImageSize));
        }

        _cache.Clear();
    }

    /// <summary>
    /// Writes entries and flushes. In order is: first what entries point at, data and the zeroes of new tables, with the
    /// file's length; then entries of both levels, as a table whose entries are lost says nothing yet.
    /// </summary>
    private void Write(List<TablePage.Change> changes, Dictionary<int, ulong> l1Changes, bool isInAnyOrder)
    {
        bool hasChanges = changes.Count > 0 || l1Changes.Count > 0;
        if (hasChanges && !isInAnyOrder)
            _storage.Flush();
        foreach (TablePage.Change change in changes)
            change.WriteTo(_storage);
        WriteL1(l1Changes);
        _storage.Flush();
    }

    private HostOffset? TableOf(int l1Index)
    {
        _l1Faults?.ReadableAt(l1Index * TableEntry.Size);
        ulong entry = Volatile.Read(ref _l1[l1Index]);
        if (entry == TableEntry.Unallocated)
            return null;
        if (!IsValid(entry, _geometry.TableBytes))
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "an L1 entry does not point at an L2 table inside the file", _storage.Path)
            {
                Structure = $"L1 entry {l1Index}",
                Offset = _l1Offset.Value + ((long)l1Index * TableEntry.Size),
                Value = entry,
                Remedy = new(RemedyKind.ListDamage),
            };
        }

        return new HostOffset((long)entry);
    }

    private HostOffset AddTable(int l1Index)
    {
        lock (_l1Lock)
        {
            if (_l1[l1Index] != TableEntry.Unallocated)
                return new HostOffset((long)_l1[l1Index]);
            HostOffset table = NewTable(default, out bool isWritten);
            SetL1(l1Index, table, isWritten);
            return table;
        }
    }

    private void SetL1(int l1Index, HostOffset table, bool comesAfterTable)
    {
        Volatile.Write(ref _l1[l1Index], (ulong)table.Value);
        _dirtyL1.Add(l1Index);
        _l1ComesAfterTables |= comesAfterTable;
    }

    /// <summary>Allocates a table and fills it: with a piece of entries again and again, or with zeroes where there is none.</summary>
    private HostOffset NewTable(ReadOnlySpan<byte> piece, out bool isWritten)
    {
        Allocation place = _space.Allocate(_geometry.TableSize, _geometry.TableSize);
        isWritten = !piece.IsEmpty || place.Freshness == Freshness.Stale;
        try
        {
            if (piece.IsEmpty && isWritten)
                _storage.WriteZeroes(place.Start.Value, _geometry.TableBytes);
            for (long done = 0; !piece.IsEmpty && done < _geometry.TableBytes; done += piece.Length)
                _storage.Write(place.Start.Value + done, piece);
        }
        catch
        {
            // Nothing references the clusters yet.
            _space.Return(place);
            throw;
        }

        return place.Start;
    }

    /// <summary>How many clusters of a run are valid: it may start well and go on beyond the end of the file.</summary>
    private int ValidClusters(ulong entry, int count, HostOffset table, int l1Index, int l2Index)
    {
        if (IsValid(entry, (long)count << _geometry.ClusterBits))
            return count;
        int valid = 0;
        while (IsValid(entry + ((ulong)valid << _geometry.ClusterBits), _geometry.ClusterSize))
            valid++;
        if (valid > 0)
            return valid;
        throw new DiskImageException(ErrorKind.ImageCorrupt, "an L2 entry does not point at a cluster inside the file", _storage.Path)
        {
            Structure = $"L2 entry {l2Index} of L1 entry {l1Index}",
            Offset = table.Value + ((long)l2Index * TableEntry.Size),
            Value = entry,
            Remedy = new(RemedyKind.ListDamage),
        };
    }

    /// <summary>Whether a range starts on a cluster and lies in the file, clear of the header and the L1 table.</summary>
    private bool IsValid(ulong start, long length)
    {
        if (start > long.MaxValue - (ulong)length)
            return false;
        var from = new HostOffset((long)start);
        HostOffset to = from + length;
        return _geometry.IsAligned(from) && from >= _headerEnd && to <= _space.Bound
            && (to <= _l1Offset || from >= _l1Offset + _geometry.TableBytes);
    }

    private ulong[] ReadL1(int first, int count)
    {
        var entries = new ulong[count];
        PageFaults? faults = PageFaults.Read(_storage, _l1Offset.Value + ((long)first * TableEntry.Size), TableCodec.Bytes(entries), out _);
        // A table that is to be changed must be known whole.
        if (_storage.CanWrite)
            faults?.RequireNone();
        _l1Faults = faults;
        TableCodec.Convert(entries);
        return entries;
    }

    private (Dictionary<int, ulong> Changes, bool ComesAfterTables) TakeL1Changes()
    {
        lock (_l1Lock)
        {
            var changes = new Dictionary<int, ulong>();
            foreach (int index in _dirtyL1)
                changes.Add(index, _l1[index]);
            _dirtyL1.Clear();
            bool comesAfterTables = _l1ComesAfterTables;
            _l1ComesAfterTables = false;
            return (changes, comesAfterTables);
        }
    }

    private void GiveBackL1(IEnumerable<int> changes, bool comesAfterTables)
    {
        lock (_l1Lock)
        {
            _dirtyL1.UnionWith(changes);
            _l1ComesAfterTables |= comesAfterTables;
        }
    }

    private void WriteL1(Dictionary<int, ulong> changes)
    {
        Span<ulong> entry = stackalloc ulong[1];
        foreach (KeyValuePair<int, ulong> change in changes)
        {
            entry[0] = change.Value;
            TableCodec.Convert(entry);
            _storage.Write(_l1Offset.Value + ((long)change.Key * TableEntry.Size), TableCodec.Bytes(entry));
        }
    }
}
