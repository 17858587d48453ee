using System;
using System.Collections.Generic;
using System.Threading;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Engine;

/// <summary>
/// A page of an L2 table. Whoever looks an entry up takes no lock: entries are read and written one by one, whole, and a
/// run that is just being set may be seen in part. Its own lock keeps those apart who change it.
/// </summary>
internal sealed class TablePage : CachedPage
{
    /// <summary>Entries in a page; the smallest table is one page.</summary>
    internal const int Entries = 1 << EntriesBits;

    /// <summary>Base-2 logarithm of <see cref="Entries"/>.</summary>
    internal const int EntriesBits = 9;

    private readonly HashSet<TablePage> _waiting;
    private readonly object _lock = new();
    private int _dirtyFrom = int.MaxValue;
    private int _dirtyTo;
    private bool _comesAfterData;
    private bool _isBeingWritten;
    private bool _hasLeft;

    /// <param name="offset">Where the page lies in the file.</param>
    /// <param name="waiting">The pages that wait to be written, among which it is to be while it does; locked by whoever uses it.</param>
    internal TablePage(long offset, HashSet<TablePage> waiting)
        : base(offset) => _waiting = waiting;

    /// <summary>The entry at an index, and how many from there on continue it: side by side in the file, or marked alike.</summary>
    internal (ulong Entry, int Count) FindRun(int index, int wanted, ulong clusterSize)
    {
        int end = index + Math.Min(ReadableAt(index * TableEntry.Size) / TableEntry.Size, wanted);
        ulong first = EntryAt(index);
        ulong step = TableEntry.IsOffset(first) ? clusterSize : 0;
        ulong expected = first + step;
        int next = index + 1;
        while (next < end && EntryAt(next) == expected)
        {
            next++;
            expected += step;
        }

        return (first, next - index);
    }

    /// <summary>Sets entries that rise by a step from the first value on.</summary>
    /// <param name="index">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <param name="first">The value of the first.</param>
    /// <param name="step">What each is higher than the one before.</param>
    /// <param name="comesAfterData">Whether they may not reach the disk before what they point at.</param>
    /// <returns>False where the cache has let go of the page: what was set here would be lost.</returns>
    internal bool TrySet(int index, int count, ulong first, ulong step, bool comesAfterData = false)
    {
        lock (_lock)
        {
            if (_hasLeft)
                return false;
            // First: who finds an entry may write where it leads and flush before this goes on, and that flush must know of it.
            MarkDirty(index, index + count, comesAfterData);
            for (int i = 0; i < count; i++)
                Volatile.Write(ref Words[index + i], TableCodec.Convert(first + ((ulong)i * step)));
            return true;
        }
    }

    /// <summary>Copies what has changed and counts the page as clean from here on; until <see cref="EndWrite"/> it stays in the cache.</summary>
    /// <returns>Null where nothing has changed.</returns>
    internal Change? TakeChanges()
    {
        lock (_lock)
        {
            if (_dirtyTo == 0)
                return null;
            var change = new Change(this, _dirtyFrom, Words.AsSpan(_dirtyFrom, _dirtyTo - _dirtyFrom).ToArray(), _comesAfterData);
            _dirtyFrom = int.MaxValue;
            _dirtyTo = 0;
            _comesAfterData = false;
            _isBeingWritten = true;
            lock (_waiting)
                _waiting.Remove(this);
            return change;
        }
    }

    internal override bool TryLeave()
    {
        lock (_lock)
            return _hasLeft = _dirtyTo == 0 && !_isBeingWritten;
    }

    private void EndWrite(Change change, bool isWritten)
    {
        lock (_lock)
        {
            _isBeingWritten = false;
            if (!isWritten)
                MarkDirty(change.First, change.First + change.Stored.Length, change.ComesAfterData);
        }
    }

    private ulong EntryAt(int index) => TableCodec.Convert(Volatile.Read(ref Words[index]));

    private void MarkDirty(int from, int to, bool comesAfterData)
    {
        _comesAfterData |= comesAfterData;
        _dirtyFrom = Math.Min(_dirtyFrom, from);
        _dirtyTo = Math.Max(_dirtyTo, to);
        lock (_waiting)
            _waiting.Add(this);
    }

    /// <summary>Entries as they stood when they were taken and as the file has them, to be written in one piece.</summary>
    /// <param name="Page">The page.</param>
    /// <param name="First">The index of the first.</param>
    /// <param name="Stored">The entries.</param>
    /// <param name="ComesAfterData">Whether they may not reach the disk before what they point at.</param>
    internal sealed record Change(TablePage Page, int First, ulong[] Stored, bool ComesAfterData)
    {
        internal void WriteTo(BlockStorage storage)
            => storage.Write(Page.Offset + ((long)First * TableEntry.Size), TableCodec.Bytes(Stored));

        /// <summary>To be called once the change is on stable storage, or, where it may not be, to count it as unwritten again.</summary>
        internal void End(bool isWritten) => Page.EndWrite(this, isWritten);
    }
}
