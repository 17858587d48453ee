using System;
using System.Collections.Generic;
using System.Threading;
using Qed.Storage;
using Qed.Tables;
using Qed.Units;

namespace Qed.Compaction;

/// <summary>
/// Gives the space of unreferenced clusters back: clusters move down from the end of the file into the gaps, and the file is
/// cut. One scan tells what lies where; afterwards it is known what was moved. It may be cut short anywhere.
/// </summary>
internal sealed class ClusterReclaimer
{
    // The most clusters whose entries are looked for in one pass over the tables (8 bytes each, and 24 where none lies beside another).
    private const long MostAtOnce = 1 << 20;

    private readonly BlockStorage _storage;
    private readonly IProgress<OperationProgress>? _progress;
    private readonly CancellationToken _cancellation;

    /// <param name="storage">The image. It must be sound but for leaks, and nobody else may use it.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Honoured anywhere; the image is sound then, with fewer leaks.</param>
    internal ClusterReclaimer(BlockStorage storage, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        _storage = storage;
        _progress = progress;
        _cancellation = cancellation;
    }

    /// <summary>Reclaims every leaked cluster.</summary>
    /// <param name="scan">A scan of the image as it is, which is used up; null for one of its own.</param>
    /// <returns>Clusters by which the file has become shorter.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt where the tables cannot be trusted; NotEnoughSpace where the file must grow before it can shrink.</exception>
    internal long Run(ImageScan? scan = null)
    {
        long before = _storage.Length;
        scan ??= Scan();
        int bits = scan.Header.Geometry.ClusterBits;
        CompactionOutcome outcome = new ImageCompactor(_storage, OptimizeMode.Quick, isRehearsal: false, _progress, _cancellation).Run(scan);
        return ((before + (1L << bits) - 1) >> bits) - (outcome.FileSize >> bits);
    }

    /// <summary>Fills the gaps with what lies behind the final length of the file.</summary>
    internal static void MoveDown(LayoutMoves moves)
    {
        TableSettler.Settle(moves, TablePlaces.BelowEnd(moves.Layout));
        MoveDataDown(moves);
    }

    private ImageScan Scan()
    {
        var scan = new ImageScan(_storage, maximumFaults: 0);
        scan.Run(new ProgressMeter(_progress, "Checking"), _cancellation);
        return scan;
    }

    /// <summary>Fills the gaps below the final length with the data behind it, both in the order of the file.</summary>
    private static void MoveDataDown(LayoutMoves moves)
    {
        ClusterBitmap used = moves.Layout.Used;
        long end = moves.Layout.InUse;
        moves.Expect(used.CountBelow(used.Count) - used.CountBelow(Math.Min(end, used.Count)));
        long source = used.Previous(used.Count - 1, value: true);
        long gap = used.Previous(end - 1, value: false);
        while (source >= end)
        {
            var batch = new List<ClusterMove>();
            for (long count = 0; source >= end && count < MostAtOnce;)
            {
                long sources = source - Math.Max(end - 1, used.Previous(source, value: false));
                long gaps = gap - used.Previous(gap, value: true);
                long each = Math.Min(Math.Min(sources, gaps), MostAtOnce - count);
                batch.Add(new ClusterMove(new ClusterIndex(source - each + 1), new ClusterIndex(gap - each + 1), each));
                count += each;
                source = used.Previous(source - each, value: true);
                gap = used.Previous(gap - each, value: false);
            }

            moves.MoveData(batch, cutsFile: true);
        }
    }
}
