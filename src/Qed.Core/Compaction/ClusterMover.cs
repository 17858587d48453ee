using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using Qed.Layout;
using Qed.Storage;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>
/// Copies clusters and changes table entries of an image that nobody else writes: copies first, then the entries that
/// point at them, each flushed before the next. A crash leaves every entry at its old value or at the new one, and what
/// either points at is whole.
/// </summary>
internal sealed class ClusterMover
{
    // Changes between two flushes: so many entries, and so many bytes that a flush does not take long.
    internal const int MostEntries = 1 << 14;
    internal const long MostBytes = 64 << 20;

    private const int LargestPiece = 1 << 20;

    private const int MostEntriesAtOnce = 1 << 13;

    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly List<ClusterMove> _copies = [];
    private readonly List<(HostOffset Entry, ulong Value)> _entries = [];
    private readonly Action<long> _onCopied;
    private long _waitingBytes;
    private long _copied;

    /// <param name="storage">The image.</param>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="onCopied">Told how many bytes were copied so far, by several threads at a time.</param>
    internal ClusterMover(BlockStorage storage, QedGeometry geometry, Action<long> onCopied)
    {
        _storage = storage;
        _geometry = geometry;
        _onCopied = onCopied;
    }

    /// <summary>Entries that wait to be changed.</summary>
    internal int Waiting => _entries.Count;

    /// <summary>Clusters that may be added, at least one each time.</summary>
    internal long Room => Math.Max(1, Math.Min(MostEntries - _entries.Count, (MostBytes - _waitingBytes) >> _geometry.ClusterBits));

    /// <summary>Whether enough waits for one go.</summary>
    internal bool IsFull => _entries.Count >= MostEntries || _waitingBytes >= MostBytes;

    /// <summary>Plans a copy, and the entry that is to point at it. What continues the copy before it becomes one with it.</summary>
    /// <param name="from">First cluster to copy.</param>
    /// <param name="to">Where it goes; nothing may reference that place, neither now nor before <see cref="Apply"/>.</param>
    /// <param name="clusters">How many.</param>
    /// <param name="entry">Where the table entry lies that is to point there.</param>
    internal void Add(ClusterIndex from, ClusterIndex to, long clusters, HostOffset entry)
    {
        if (_copies.Count > 0 && _copies[_copies.Count - 1] is var last && last.From.Value + last.Count == from.Value && last.To.Value + last.Count == to.Value)
            _copies[_copies.Count - 1] = last with { Count = last.Count + clusters };
        else
            _copies.Add(new ClusterMove(from, to, clusters));
        _waitingBytes += clusters << _geometry.ClusterBits;
        Set(entry, (ulong)_geometry.OffsetOf(to).Value);
    }

    /// <summary>Plans a change of an entry alone.</summary>
    internal void Set(HostOffset entry, ulong value) => _entries.Add((entry, value));

    /// <summary>Makes the planned changes; what only the old entries pointed at is free afterwards.</summary>
    /// <param name="cancellation">Honoured while clusters are copied, when no entry has changed yet.</param>
    internal void Apply(CancellationToken cancellation)
    {
        if (_entries.Count == 0)
            return;
        foreach (ClusterMove copy in _copies)
            _storage.Announce(_geometry.OffsetOf(copy.To).Value, copy.Count << _geometry.ClusterBits);
        foreach ((HostOffset entry, _) in _entries)
            _storage.Announce(entry.Value, TableEntry.Size);
        CopyAll(cancellation);
        WriteEntries();
        _storage.Flush();
        _copies.Clear();
        _entries.Clear();
        _waitingBytes = 0;
    }

    /// <summary>Neighbours are copied together, in the order of the file, by several workers.</summary>
    private void CopyAll(CancellationToken cancellation)
    {
        if (_copies.Count == 0)
            return;
        _copies.Sort((a, b) => a.From.Value.CompareTo(b.From.Value));
        var pieces = new List<(long From, long To, int Length)>();
        foreach (ClusterMove copy in _copies)
        {
            long length = copy.Count << _geometry.ClusterBits;
            for (long done = 0; done < length; done += LargestPiece)
                pieces.Add((_geometry.OffsetOf(copy.From).Value + done, _geometry.OffsetOf(copy.To).Value + done, (int)Math.Min(LargestPiece, length - done)));
        }

        Workers.RunPieces(pieces.Count, "Qed compaction", i =>
        {
            _storage.CopyWithin(pieces[i].From, pieces[i].To, pieces[i].Length);
            _onCopied(Interlocked.Add(ref _copied, pieces[i].Length));
        }, cancellation);
        _storage.Flush();
    }

    /// <summary>Entries that lie side by side are written together: a crash between two sectors leaves each of them old or new.</summary>
    private void WriteEntries()
    {
        _entries.Sort((a, b) => a.Entry.CompareTo(b.Entry));
        ulong[] values = ArrayPool<ulong>.Shared.Rent(Math.Min(_entries.Count, MostEntriesAtOnce));
        try
        {
            for (int first = 0; first < _entries.Count;)
            {
                int count = 0;
                while (first + count < _entries.Count && count < values.Length
                    && _entries[first + count].Entry - _entries[first].Entry == (long)count * TableEntry.Size)
                {
                    values[count] = _entries[first + count].Value;
                    count++;
                }

                Span<ulong> run = values.AsSpan(0, count);
                TableCodec.Convert(run);
                _storage.Write(_entries[first].Entry.Value, TableCodec.Bytes(run));
                first += count;
            }
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(values);
        }
    }
}
