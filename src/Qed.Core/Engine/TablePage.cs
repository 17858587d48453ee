using System;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Engine;

/// <summary>
/// A piece of an L2 table in memory, at most 64 KiB, so that tables of up to 1 GiB need not be held whole. Its entries
/// are guarded by its own lock; pins and membership by the cache's.
/// </summary>
internal sealed class TablePage
{
    private readonly ulong[] _entries;
    private readonly object _lock = new();
    private bool _loaded;
    private PageFaults? _faults;
    private int _dirtyFrom = int.MaxValue;
    private int _dirtyTo;

    internal TablePage(HostOffset offset, int entries)
    {
        Offset = offset;
        _entries = new ulong[entries];
    }

    /// <summary>Where the page lies in the file.</summary>
    internal HostOffset Offset { get; }

    /// <summary>Users that hold the page; it is evicted only at zero.</summary>
    internal int Pins { get; set; }

    /// <summary>The cache's clock at the last use.</summary>
    internal long LastUse { get; set; }

    internal bool IsDirty
    {
        get
        {
            lock (_lock)
                return _dirtyTo > 0;
        }
    }

    internal void EnsureLoaded(BlockStorage storage)
    {
        lock (_lock)
        {
            if (_loaded)
                return;
            Span<byte> bytes = TableCodec.Bytes(_entries);
            PageFaults? faults = PageFaults.Read(storage, Offset.Value, bytes, out int read);
            if (read < bytes.Length)
                throw CutOff(storage.Path);
            // A table that is to be changed must be known whole.
            if (storage.CanWrite)
                faults?.RequireNone();
            _faults = faults;
            TableCodec.Convert(_entries);
            _loaded = true;
        }
    }

    /// <summary>The entry at an index, and how many from there on continue it: side by side in the file, or marked alike.</summary>
    internal (ulong Entry, int Count) FindRun(int index, int wanted, ulong clusterSize)
    {
        lock (_lock)
        {
            int readable = _faults?.ReadableAt(index * TableEntry.Size) / TableEntry.Size ?? _entries.Length;
            int end = index + Math.Min(Math.Min(readable, _entries.Length - index), wanted);
            ulong first = _entries[index];
            ulong step = TableEntry.IsOffset(first) ? clusterSize : 0;
            ulong expected = first + step;
            int next = index + 1;
            while (next < end && _entries[next] == expected)
            {
                next++;
                expected += step;
            }

            return (first, next - index);
        }
    }

    /// <summary>Sets entries that rise by a step from the first value on.</summary>
    internal void Set(int index, int count, ulong first, ulong step)
    {
        lock (_lock)
        {
            for (int i = 0; i < count; i++)
                _entries[index + i] = first + ((ulong)i * step);
            MarkDirty(index, index + count);
        }
    }

    /// <summary>Copies what has changed and counts the page as clean from here on.</summary>
    /// <returns>Null where nothing has changed.</returns>
    internal Change? TakeChanges()
    {
        lock (_lock)
        {
            if (_dirtyTo == 0)
                return null;
            var change = new Change(this, _dirtyFrom, _entries.AsSpan(_dirtyFrom, _dirtyTo - _dirtyFrom).ToArray());
            _dirtyFrom = int.MaxValue;
            _dirtyTo = 0;
            return change;
        }
    }

    /// <summary>Counts a change as unwritten again, after writing it has failed.</summary>
    internal void GiveBack(Change change)
    {
        lock (_lock)
            MarkDirty(change.First, change.First + change.Entries.Length);
    }

    private DiskImageException CutOff(string path)
        => new(ErrorKind.ImageCorrupt, "an L2 table is cut off by the end of the file", path)
        {
            Structure = "L2 table",
            Offset = Offset.Value,
            Remedy = new(RemedyKind.ListDamage),
        };

    private void MarkDirty(int from, int to)
    {
        _dirtyFrom = Math.Min(_dirtyFrom, from);
        _dirtyTo = Math.Max(_dirtyTo, to);
    }

    /// <summary>Entries as they stood when they were taken, ready to be written in one piece.</summary>
    internal sealed record Change(TablePage Page, int First, ulong[] Entries)
    {
        internal void WriteTo(BlockStorage storage)
        {
            TableCodec.Convert(Entries);
            storage.Write(Page.Offset.Value + ((long)First * TableEntry.Size), TableCodec.Bytes(Entries));
            TableCodec.Convert(Entries);
        }
    }
}
