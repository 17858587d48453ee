using System;
using System.Threading;
using Qed.Storage;
using Qed.Tables;

namespace Qed.Compaction;

/// <summary>What compacting an image has done, or would do.</summary>
/// <param name="FileSize">Length of the file in bytes afterwards.</param>
/// <param name="FreedZeroClusters">Clusters of data that held only zeroes.</param>
/// <param name="MovedBytes">Bytes that were moved, those of a cluster as often as it was.</param>
internal readonly record struct CompactionOutcome(long FileSize, long FreedZeroClusters, long MovedBytes);

/// <summary>
/// Makes an image smaller, and its data contiguous if asked to. One scan tells what lies where; afterwards it is known what
/// was moved. A rehearsal decides all the same and changes nothing, so that what it tells comes true.
/// </summary>
/// <param name="storage">The image. It must be sound but for leaks, and nobody else may use it.</param>
/// <param name="mode">How much is done.</param>
/// <param name="isRehearsal">Whether nothing is to be changed.</param>
/// <param name="progress">Told how far it is.</param>
/// <param name="cancellation">Honoured anywhere; the image is sound then, and another run goes on.</param>
internal sealed class ImageCompactor(BlockStorage storage, OptimizeMode mode, bool isRehearsal, IProgress<OperationProgress>? progress, CancellationToken cancellation)
{
    /// <summary>Does it, durably.</summary>
    /// <param name="scan">A scan of the image as it is, which is used up.</param>
    /// <exception cref="DiskImageException">ImageCorrupt where the tables cannot be trusted; NotEnoughSpace where the file must grow before it can shrink.</exception>
    internal CompactionOutcome Run(ImageScan scan)
    {
        if (scan.Corruptions > 0)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "space cannot be reclaimed while tables are corrupt", storage.Path)
            {
                Remedy = new(RemedyKind.ListDamage),
            };
        }

        var moves = new LayoutMoves(storage, scan, isRehearsal, remembers: mode == OptimizeMode.Defragment, new ProgressMeter(progress, "Moving clusters"), cancellation);
        moves.CutTail();
        using var scanner = new TableScanner(storage, scan.Bounds, new ReferenceMap(0));
        long freed = mode == OptimizeMode.Quick ? 0 : FreeZeroes(moves, scan, scanner);
        if (mode == OptimizeMode.Defragment)
            Defragment(moves, scanner);
        else
            ClusterReclaimer.MoveDown(moves);
        moves.CutTail();
        if (!isRehearsal)
            storage.Flush();
        int bits = moves.Layout.Geometry.ClusterBits;
        return new CompactionOutcome(moves.Layout.InUse << bits, freed, moves.Moved << bits);
    }

    private long FreeZeroes(LayoutMoves moves, ImageScan scan, TableScanner scanner)
    {
        var zeroes = new ZeroClusters(storage, moves, scan, new ProgressMeter(progress, "Looking for zeroes"), cancellation);
        zeroes.Free(scanner);
        return zeroes.Freed;
    }

    private void Defragment(LayoutMoves moves, TableScanner scanner)
    {
        GuestOrder order = GuestOrder.Read(storage, moves, scanner, cancellation);
        TableSettler.Settle(moves, TablePlaces.AtFront(moves.Layout));
        new Defragmenter(moves, order, cancellation).Run();
    }
}
