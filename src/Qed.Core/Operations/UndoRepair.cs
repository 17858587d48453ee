using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Checking;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>
/// Puts an image back byte for byte as it was before <see cref="RepairImage"/>, also where that was cut short, and removes
/// the undo file once all of it was used.
/// </summary>
public static class UndoRepair
{
    /// <summary>Undoes the repair of one image.</summary>
    /// <returns>What was put back and what was not.</returns>
    /// <exception cref="DiskImageException">
    /// ImageNotFound without an undo file; ImageCorrupt where the image is not in a state that it belongs to, or the undo file
    /// is damaged, empty or something else; UnsupportedFeature for an undo file of another version.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; undoing the repair again goes on from there.</exception>
    public static UndoResult Run(
        UndoRepairOptions options,
        IProgress<OperationProgress>? progress = null,
        ILogger? logger = null,
        CancellationToken cancellation = default)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        logger ??= NullLogger.Instance;
        using HostFile file = HostFile.Open(options.Path, StorageAccess.Write);
        MissingLocks.Tell(file, logger);
        var meter = new ProgressMeter(progress, "Undoing the repair");
        UndoResult result = new ReversibleRepair(file, new UndoFile(file, options.UndoPath)).Undo(options.Force, meter, cancellation);
        if (result.UndoPath is not null)
            Log.UndoneInPart(logger, file.Path, result.RestoredBytes, WordsOf(result), result.UndoPath);
        else if (result.IsExact)
            Log.RepairUndone(logger, file.Path);
        else
            Log.UndoneByForce(logger, file.Path);
        return result;
    }

    private static string WordsOf(UndoResult result)
    {
        const int MostNamed = 8;
        var lost = new List<string>();
        if (result.LostRanges.Count > 0)
        {
            string ranges = string.Join(", ", result.LostRanges.Take(MostNamed).Select(range => $"{Text(range.Offset)} ({Text(range.Length)})"));
            lost.Add($"what was saved of {Text(result.LostRanges.Sum(range => range.Length))} bytes is damaged, at the offsets (lengths) {ranges}{(result.LostRanges.Count > MostNamed ? " and others" : string.Empty)}");
        }

        if (result.IsCutOff)
            lost.Add("the undo file breaks off, so that nobody knows what else it held");
        return string.Join("; ", lost);
    }
}
