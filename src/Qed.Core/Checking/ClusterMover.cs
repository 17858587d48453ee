using System;
using System.Buffers;
using System.Collections.Generic;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// Copies clusters and changes table entries of an image that nobody else writes: copies first, then the entries that
/// point at them, each flushed before the next. A crash leaves every entry at its old value or at the new one, and what
/// either points at is whole.
/// </summary>
internal sealed class ClusterMover
{
    private const int LargestBuffer = 1 << 20;

    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly List<(ClusterIndex From, ClusterIndex To, int Clusters)> _copies = [];
    private readonly List<(HostOffset Entry, ulong Value)> _entries = [];

    internal ClusterMover(BlockStorage storage, QedGeometry geometry)
    {
        _storage = storage;
        _geometry = geometry;
    }

    /// <summary>Entries that wait to be changed.</summary>
    internal int Waiting => _entries.Count;

    /// <summary>Plans a copy, and the entry that is to point at it.</summary>
    /// <param name="from">First cluster to copy.</param>
    /// <param name="to">Where it goes; nothing may reference that place, neither now nor before <see cref="Apply"/>.</param>
    /// <param name="clusters">How many.</param>
    /// <param name="entry">Where the table entry lies that is to point there.</param>
    internal void Add(ClusterIndex from, ClusterIndex to, int clusters, HostOffset entry)
    {
        _copies.Add((from, to, clusters));
        Set(entry, (ulong)_geometry.OffsetOf(to).Value);
    }

    /// <summary>Plans a change of an entry alone.</summary>
    internal void Set(HostOffset entry, ulong value) => _entries.Add((entry, value));

    /// <summary>Makes the planned changes; what only the old entries pointed at is free afterwards.</summary>
    internal void Apply()
    {
        if (_entries.Count == 0)
            return;
        foreach ((_, ClusterIndex to, int clusters) in _copies)
            _storage.Announce(_geometry.OffsetOf(to).Value, (long)clusters << _geometry.ClusterBits);
        foreach ((HostOffset entry, _) in _entries)
            _storage.Announce(entry.Value, TableEntry.Size);
        CopyAll();
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
    }

    private void CopyAll()
    {
        if (_copies.Count == 0)
            return;
        int length = Math.Min(LargestBuffer, _geometry.ClusterSize);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            foreach ((ClusterIndex from, ClusterIndex to, int clusters) in _copies)
                Copy(_geometry.OffsetOf(from).Value, _geometry.OffsetOf(to).Value, (long)clusters << _geometry.ClusterBits, buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _storage.Flush();
    }

    private void Copy(long from, long to, long length, Span<byte> buffer)
    {
        for (long done = 0; done < length; done += buffer.Length)
        {
            _storage.ReadOrZero(from + done, buffer);
            if (ZeroScan.IsZero(buffer))
                _storage.WriteZeroes(to + done, buffer.Length);
            else
                _storage.Write(to + done, buffer);
        }
    }
}
