using System.Threading;
using Qed.Engine;
using Qed.Images;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>
/// Writes into an image what the images above it in a chain say of their disk. Only ranges are written that it does not show
/// through them, so the chain reads the same before, during and after, whatever of it reaches the disk.
/// </summary>
/// <param name="top">The chain.</param>
/// <param name="target">One of its images below the top, opened for writing where that is what is to be done.</param>
internal sealed class ImageMerger(DiskImage top, WritableDiskImage target)
{
    /// <summary>Bytes that were written, or would be, as data.</summary>
    internal long Written { get; private set; }

    /// <summary>Bytes that were made zeroes, or would be.</summary>
    internal long Zeroed { get; private set; }

    /// <summary>Writes what differs; returns once it is on stable storage, and the chain needs nothing of what lies above the target any more.</summary>
    /// <param name="size">What the target's disk must at least have, in bytes.</param>
    /// <param name="limit">How fast; null for as fast as it goes.</param>
    /// <param name="progress">Told the guest offset that was reached.</param>
    /// <param name="cancellation">Honoured between ranges.</param>
    /// <exception cref="DiskImageException">Any image cannot be read, the target not be written; the chain reads as before.</exception>
    internal void Run(long size, RateLimit? limit, ProgressMeter progress, CancellationToken cancellation)
    {
        // Where it is cut short the mark tells the next one who opens the image that there may be leaks.
        (target as QedImage)?.MarkUnderWork();
        long oldSize = target.Length;
        if (size > target.Length)
            target.SetSize(size, cancellation);
        Copy(isRehearsal: false, oldSize, limit, progress, cancellation);
    }

    /// <summary>Finds out what <see cref="Run"/> would write, by reading all that it would.</summary>
    internal void Rehearse(ProgressMeter progress, CancellationToken cancellation) => Copy(isRehearsal: true, target.Length, null, progress, cancellation);

    private void Copy(bool isRehearsal, long end, RateLimit? limit, ProgressMeter progress, CancellationToken cancellation)
    {
        using var writer = new InPlaceWriter(target, isRehearsal);
        var options = new CopyOptions { Plan = CopyPlan.Above(top, target, end), Limit = limit, ExpectsDifferences = true };
        var copier = new ImageCopier(top, target, writer, top.Length, options);
        Written = copier.Run(progress, cancellation);
        Zeroed = copier.Zeroed;
        writer.Complete();
    }
}
