using System;
using System.Buffers;
using System.Collections.Generic;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>
/// Moves clusters of an image that nobody else writes: copies first, then the entries that point at them, each flushed
/// before the next. A crash leaves every entry at the old place or at the new one, with the same contents at both.
/// </summary>
internal sealed class ClusterMover
{
    private const int LargestBuffer = 1 << 20;

    private readonly BlockStorage _storage;
    private readonly QedGeometry _geometry;
    private readonly List<Move> _moves = [];

    internal ClusterMover(BlockStorage storage, QedGeometry geometry)
    {
        _storage = storage;
        _geometry = geometry;
    }

    /// <summary>Moves that wait to be made.</summary>
    internal int Waiting => _moves.Count;

    /// <summary>Plans a move.</summary>
    /// <param name="from">First cluster to move.</param>
    /// <param name="to">Where it goes; nothing may reference that place, neither now nor before <see cref="Apply"/>.</param>
    /// <param name="clusters">How many.</param>
    /// <param name="entry">Where the one table entry lies that points at them.</param>
    internal void Add(ClusterIndex from, ClusterIndex to, int clusters, HostOffset entry)
        => _moves.Add(new Move(from, to, clusters, entry));

    /// <summary>Makes the planned moves; the old places are free afterwards.</summary>
    internal void Apply()
    {
        if (_moves.Count == 0)
            return;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(LargestBuffer, _geometry.ClusterSize));
        try
        {
            foreach (Move move in _moves)
                Copy(move, buffer.AsSpan(0, Math.Min(LargestBuffer, _geometry.ClusterSize)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _storage.Flush();
        Span<ulong> value = stackalloc ulong[1];
        foreach (Move move in _moves)
        {
            value[0] = (ulong)_geometry.OffsetOf(move.To).Value;
            TableCodec.Convert(value);
            _storage.Write(move.Entry.Value, TableCodec.Bytes(value));
        }

        _storage.Flush();
        _moves.Clear();
    }

    private void Copy(Move move, Span<byte> buffer)
    {
        long from = _geometry.OffsetOf(move.From).Value;
        long to = _geometry.OffsetOf(move.To).Value;
        long length = (long)move.Clusters << _geometry.ClusterBits;
        for (long done = 0; done < length; done += buffer.Length)
        {
            _storage.ReadOrZero(from + done, buffer);
            if (ZeroScan.IsZero(buffer))
                _storage.WriteZeroes(to + done, buffer.Length);
            else
                _storage.Write(to + done, buffer);
        }
    }

    private readonly record struct Move(ClusterIndex From, ClusterIndex To, int Clusters, HostOffset Entry);
}
