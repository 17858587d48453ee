using System;
using System.Buffers;
using System.Threading;
using Qed.Bits;
using Qed.Layout;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>Frees clusters that hold only zeroes, and L2 tables that map nothing then. The guest sees no difference.</summary>
internal sealed class ZeroClusters
{
    // Nearly every cluster with something in it has something in its first bytes.
    private const int Probe = 4096;
    private const int LargestPiece = 1 << 18;
    private const int ClustersEach = 64;

    private readonly BlockStorage _storage;
    private readonly LayoutMoves _moves;
    private readonly ulong _mark;
    private readonly ProgressMeter _meter;
    private readonly CancellationToken _cancellation;
    // Of the batch that is looked at: the clusters in the order of the file, and where in it their entries are.
    private readonly long[] _clusters = new long[TableBatch.MaximumBytes / TableEntry.Size];
    private readonly int[] _entries = new int[TableBatch.MaximumBytes / TableEntry.Size];
    private int _count;
    private readonly long[] _left;
    private long _looked;

    /// <param name="storage">The image.</param>
    /// <param name="moves">Makes the changes, or rehearses them.</param>
    /// <param name="scan">The scan that they are from.</param>
    /// <param name="meter">Told how much was looked at.</param>
    /// <param name="cancellation">Honoured anywhere.</param>
    internal ZeroClusters(BlockStorage storage, LayoutMoves moves, ImageScan scan, ProgressMeter meter, CancellationToken cancellation)
    {
        _storage = storage;
        _moves = moves;
        _mark = scan.Header.HasBackingFile ? TableEntry.Zero : TableEntry.Unallocated;
        _meter = meter;
        _cancellation = cancellation;
        _left = new long[Layout.Tables.Count];
        meter.Expect(scan.Allocated << Layout.Geometry.ClusterBits);
    }

    /// <summary>Clusters of data that were freed.</summary>
    internal long Freed { get; private set; }

    private ImageLayout Layout => _moves.Layout;

    /// <summary>Looks at all data, in parallel.</summary>
    internal void Free(TableScanner scanner)
    {
        foreach (TableBatch batch in TableBatch.Cut([.. Layout.Tables], Layout.Geometry))
        {
            _cancellation.ThrowIfCancellationRequested();
            Note(batch, scanner.EntriesOf(batch));
            bool[] isZero = Look();
            for (int i = 0; i < _count; i++)
            {
                if (isZero[i])
                    Free(batch, i);
            }
        }

        _moves.Apply();
        FreeTables();
    }

    private void Free(TableBatch batch, int place)
    {
        _moves.Free(batch.OffsetOf(_entries[place]), _mark, new ClusterIndex(_clusters[place]), 1);
        if (_mark == TableEntry.Unallocated)
            _left[Layout.NumberOf(batch.Tables[_entries[place] / batch.EntriesEach])]--;
        Freed++;
    }

    private void Note(TableBatch batch, ReadOnlySpan<ulong> entries)
    {
        _count = 0;
        for (int table = 0; table < batch.Tables.Count && !entries.IsEmpty; table++)
        {
            int first = table * batch.EntriesEach;
            int mapped = 0;
            for (int i = first; i < first + batch.EntriesEach; i++)
            {
                ulong entry = entries[i];
                mapped += entry == TableEntry.Unallocated ? 0 : 1;
                if (!TableEntry.IsOffset(entry))
                    continue;
                _clusters[_count] = (long)(entry >> Layout.Geometry.ClusterBits);
                _entries[_count++] = i;
            }

            _left[Layout.NumberOf(batch.Tables[table])] += mapped;
        }

        Array.Sort(_clusters, _entries, 0, _count);
    }

    private bool[] Look()
    {
        var isZero = new bool[_count];
        Workers.RunPieces((_count + ClustersEach - 1) / ClustersEach, "Qed compaction", piece =>
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(LargestPiece, Layout.Geometry.ClusterSize));
            try
            {
                int end = Math.Min(_count, (piece + 1) * ClustersEach);
                for (int i = piece * ClustersEach; i < end; i++)
                {
                    _cancellation.ThrowIfCancellationRequested();
                    isZero[i] = IsZero(_clusters[i] << Layout.Geometry.ClusterBits, buffer);
                    _meter.ReachedAtLeast(Interlocked.Add(ref _looked, Layout.Geometry.ClusterSize));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }, _cancellation);
        return isZero;
    }

    private bool IsZero(long offset, byte[] buffer)
    {
        int size = Layout.Geometry.ClusterSize;
        if (!IsZero(offset, Probe, buffer))
            return false;
        if (_storage.IsHole(offset, size))
            return true;
        for (int done = Probe; done < size;)
        {
            int part = Math.Min(size - done, Math.Min(LargestPiece, buffer.Length));
            if (!IsZero(offset + done, part, buffer))
                return false;
            done += part;
        }

        return true;
    }

    private bool IsZero(long offset, int length, byte[] buffer)
    {
        Span<byte> bytes = buffer.AsSpan(0, length);
        _storage.ReadOrZero(offset, bytes);
        return ZeroScan.IsZero(bytes);
    }

    private void FreeTables()
    {
        for (int table = 0; table < _left.Length; table++)
        {
            if (_left[table] == 0)
                _moves.Free(Layout.EntryOf(table), TableEntry.Unallocated, new ClusterIndex(Layout.ClusterOf(table)), Layout.Geometry.TableSize);
        }

        _moves.Apply();
        Layout.DropTables(table => _left[table] == 0);
    }
}
