using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Qed.Bits;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// Copies a disk into a fresh image. Workers read, look for zeroes and for what the target's backing file has already,
/// encode, reserve space in guest order, and write or share, all but the reserving in parallel.
/// </summary>
internal sealed class ImageCopier
{
    // A page of memory; of a grain that is not much longer, all is read in one go with its neighbours.
    private const int FirstLook = 4096;
    private const int LeastWorthALook = 8 * FirstLook;

    private readonly DiskImage _source;
    private readonly DiskImage? _baseline;
    private readonly ImageWriter _target;
    private readonly BlockSharing? _sharing;
    private readonly long _length;
    private readonly CopyOptions _options;
    private long _copied;

    /// <param name="source">The disk to copy.</param>
    /// <param name="baseline">The target's backing image; null where the target has none.</param>
    /// <param name="target">The fresh image.</param>
    /// <param name="length">Bytes of the target's disk; past its end the source is zeroes.</param>
    /// <param name="options">How to copy; null for the default.</param>
    internal ImageCopier(DiskImage source, DiskImage? baseline, ImageWriter target, long length, CopyOptions? options = null)
    {
        _options = options ?? CopyOptions.Default;
        _source = source;
        _baseline = baseline;
        _target = target;
        // Shared blocks are taken from the disk only when one of the two is written.
        _sharing = _options.AllocateAll ? null : new BlockSharing(source, target);
        _length = length;
    }

    private bool LooksFirst => _options.ExpectsDifferences && _target.Grain >= LeastWorthALook;

    /// <summary>Bytes that were made zeroes, but for those that lie between all data.</summary>
    internal long Zeroed { get; private set; }

    /// <summary>Copies everything, without completing the target.</summary>
    /// <returns>Bytes that were written as data.</returns>
    internal long Run(ProgressMeter progress, CancellationToken cancellation)
    {
        using var workers = new OrderedWorkers(Plan(progress, cancellation), _baseline is null ? 1 : 2, cancellation, _source.IsSequential);
        workers.Run((range, buffers, ticket) =>
        {
            List<Piece> pieces = [new Piece(range.Offset, 0, range.Length, IsZero: true)];
            Span<byte> data = default;
            if (!range.IsZero)
            {
                _options.Limit?.Wait(range.Length);
                pieces = Examine(range, buffers);
                data = buffers[0].Take(range.Length);
            }

            try
            {
                Encode(pieces, data);
                workers.InTurn(ticket, () => Lay(pieces));
                foreach (Piece piece in pieces)
                    Write(piece, data);
            }
            finally
            {
                foreach (Piece piece in pieces)
                    piece.Encoded?.Dispose();
            }

            progress.ReachedAtLeast(range.End.Value);
        });
        return _copied;
    }

    private IEnumerable<WorkPiece> Plan(ProgressMeter progress, CancellationToken cancellation)
    {
        if (_options.Plan is { } plan)
            return plan;
        if (_options.AllocateAll || _source.IsSequential)
            return CopyPlan.Everything(_source, _length, _target.Grain);
        IEnumerable<WorkPiece> chunks = CopyPlan.Chunks(_source, _baseline, _length, _target.Grain);
        return _options.WriteZeroes ? WithZeroesBetween(chunks, progress, cancellation) : chunks;
    }

    /// <summary>The chunks; on the way to each what lies before it is made zeroes.</summary>
    private IEnumerable<WorkPiece> WithZeroesBetween(IEnumerable<WorkPiece> chunks, ProgressMeter progress, CancellationToken cancellation)
    {
        long end = 0;
        foreach (WorkPiece chunk in chunks.Append(new WorkPiece(new GuestOffset(_length), 0)))
        {
            while (end < chunk.Offset.Value)
            {
                cancellation.ThrowIfCancellationRequested();
                long length = Math.Min(CopyPlan.ZeroChunkSize, chunk.Offset.Value - end);
                _target.WriteZeroes(new GuestOffset(end), length);
                end += length;
                progress.ReachedAtLeast(end);
            }

            end = chunk.End.Value;
            if (chunk.Length > 0)
                yield return chunk;
        }
    }

    private void Encode(List<Piece> pieces, ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < pieces.Count; i++)
        {
            Piece piece = pieces[i];
            if (!piece.IsZero)
                pieces[i] = piece with { Encoded = _target.Encode(piece.Offset, data.Slice(piece.Start, piece.Length)) };
        }
    }

    private void Lay(List<Piece> pieces)
    {
        foreach (Piece piece in pieces)
        {
            if (piece.IsZero)
            {
                _target.WriteZeroes(piece.Offset, piece.Length);
                Zeroed += piece.Length;
                continue;
            }

            if (piece.Encoded is null)
                _target.Reserve(piece.Offset, piece.Length);
            else
                _target.Reserve(piece.Encoded);
            _copied += piece.Length;
        }
    }

    private void Write(Piece piece, ReadOnlySpan<byte> data)
    {
        if (piece.IsZero)
            return;
        ReadOnlySpan<byte> bytes = data.Slice(piece.Start, piece.Length);
        if (piece.Encoded is not null)
            _target.Write(piece.Encoded);
        else if (_sharing is not null)
            _sharing.Write(piece.Offset, bytes);
        else
            _target.Write(piece.Offset, bytes);
    }

    /// <summary>Reads a range and finds the runs of grains that the target needs.</summary>
    private List<Piece> Examine(WorkPiece range, AlignedBuffer[] buffers)
    {
        Span<byte> data = buffers[0].Take(range.Length);
        _source.ReadOrZero(range.Offset, data);
        Span<byte> beneath = default;
        if (_baseline is not null)
        {
            beneath = buffers[1].Take(range.Length);
            if (!LooksFirst)
                _baseline.ReadOrZero(range.Offset, beneath);
        }

        var pieces = new List<Piece>();
        for (int start = 0, length; start < data.Length; start += length)
        {
            length = SparseWrite.GrainAt(range.Offset + start, data.Length - start, _target.Grain);
            Span<byte> grain = data.Slice(start, length);
            bool isZero = !_options.AllocateAll && ZeroScan.IsZero(grain);
            bool isThere = _baseline is null ? isZero && !_options.WriteZeroes : IsBeneath(range.Offset + start, grain, beneath.Slice(start, length));
            if (!isThere || _options.AllocateAll)
                Append(pieces, new Piece(range.Offset + start, start, grain.Length, isZero));
        }

        return pieces;
    }

    /// <summary>Whether the baseline has a grain already. A small part of it tells mostly that it has not.</summary>
    private bool IsBeneath(GuestOffset offset, ReadOnlySpan<byte> grain, Span<byte> beneath)
    {
        if (!LooksFirst)
            return grain.SequenceEqual(beneath);
        int first = Math.Min(FirstLook, grain.Length);
        _baseline!.ReadOrZero(offset, beneath.Slice(0, first));
        if (!grain.Slice(0, first).SequenceEqual(beneath.Slice(0, first)))
            return false;
        _baseline.ReadOrZero(offset + first, beneath.Slice(first));
        return grain.Slice(first).SequenceEqual(beneath.Slice(first));
    }

    private static void Append(List<Piece> pieces, Piece piece)
    {
        if (pieces.Count > 0 && pieces[pieces.Count - 1] is { } last && last.IsZero == piece.IsZero && last.Start + last.Length == piece.Start)
            pieces[pieces.Count - 1] = last with { Length = last.Length + piece.Length };
        else
            pieces.Add(piece);
    }

    private readonly record struct Piece(GuestOffset Offset, int Start, int Length, bool IsZero)
    {
        internal EncodedPiece? Encoded { get; init; }
    }
}
