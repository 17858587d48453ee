using System;
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
    private const int LargestPiece = 1 << 20;

    // Changes between two flushes: so many entries, and so many bytes that a flush does not take long.
    private const int MostEntries = 1024;
    private const long MostBytes = 64 << 20;

    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly List<(ClusterIndex From, ClusterIndex To, int Clusters)> _copies = [];
    private readonly List<(HostOffset Entry, ulong Value)> _entries = [];
    private readonly Action<long> _onCopied;
    private long _waitingBytes;
    private long _copied;

    /// <param name="storage">The image.</param>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="onCopied">Told how many bytes were copied so far.</param>
    internal ClusterMover(BlockStorage storage, QedGeometry geometry, Action<long> onCopied)
    {
        _storage = storage;
        _geometry = geometry;
        _onCopied = onCopied;
    }

    /// <summary>Entries that wait to be changed.</summary>
    internal int Waiting => _entries.Count;

    /// <summary>Whether enough waits for one go.</summary>
    internal bool IsFull => _entries.Count >= MostEntries || _waitingBytes >= MostBytes;

    /// <summary>Plans a copy, and the entry that is to point at it.</summary>
    /// <param name="from">First cluster to copy.</param>
    /// <param name="to">Where it goes; nothing may reference that place, neither now nor before <see cref="Apply"/>.</param>
    /// <param name="clusters">How many.</param>
    /// <param name="entry">Where the table entry lies that is to point there.</param>
    internal void Add(ClusterIndex from, ClusterIndex to, int clusters, HostOffset entry)
    {
        _copies.Add((from, to, clusters));
        _waitingBytes += (long)clusters << _geometry.ClusterBits;
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
        foreach ((_, ClusterIndex to, int clusters) in _copies)
            _storage.Announce(_geometry.OffsetOf(to).Value, (long)clusters << _geometry.ClusterBits);
        foreach ((HostOffset entry, _) in _entries)
            _storage.Announce(entry.Value, TableEntry.Size);
        CopyAll(cancellation);
        Span<ulong> value = stackalloc ulong[1];
        foreach ((HostOffset entry, ulong wanted) in _entries)
        {
            value[0] = wanted;
            TableCodec.Convert(value);
            _storage.Write(entry.Value, TableCodec.Bytes(value));
        }

        _storage.Flush();
        _copies.Clear();
        _entries.Clear();
        _waitingBytes = 0;
    }

    private void CopyAll(CancellationToken cancellation)
    {
        if (_copies.Count == 0)
            return;
        int piece = Math.Min(LargestPiece, _geometry.ClusterSize);
        foreach ((ClusterIndex from, ClusterIndex to, int clusters) in _copies)
        {
            long length = (long)clusters << _geometry.ClusterBits;
            for (long done = 0; done < length; done += piece)
            {
                cancellation.ThrowIfCancellationRequested();
                _storage.CopyWithin(_geometry.OffsetOf(from).Value + done, _geometry.OffsetOf(to).Value + done, piece);
                _onCopied(_copied += piece);
            }
        }

        _storage.Flush();
    }
}
