using System;
using System.Threading;
using Qed.Formats;
using Qed.Images;
using Qed.Targets;
using Qed.Transfer;
using static Qed.Invariant;

namespace Qed.Operations;

/// <summary>
/// Finds out whether an image fits where the length is fixed, as that of a block device, before anything that is there is
/// lost. The contents are read for that only where it depends on them.
/// </summary>
internal static class TargetRoom
{
    /// <summary>Makes sure that an empty image fits.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace.</exception>
    internal static void Require(Destination target, ImageFormat format, TargetOptions options)
    {
        if (target.FixedLength is { } room && Empty(target, format, options) is var needed && needed > room)
            throw TooSmall(target, needed, room);
    }

    /// <summary>Makes sure that an image with the contents of another fits.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace.</exception>
    internal static void Require(
        Destination target, ImageFormat format, TargetOptions options, DiskImage source, IProgress<OperationProgress>? progress, CancellationToken cancellation)
    {
        if (target.FixedLength is not { } room)
            return;
        Require(target, format, options);
        long most = MeasureImage.LengthOf(
            format, target.Target, options, writer => MeasureImage.ReserveData(source, options.BackingImage, writer, options.Size, ProgressMeter.Silent, cancellation));
        if (most <= room)
            return;
        // What can be read only once is not read for this.
        if (source.IsSequential)
            throw TooSmall(target, most, room);
        var meter = new ProgressMeter(progress, "Measuring", options.Size);
        long needed = MeasureImage.LengthOf(
            format, target.Target, options, writer => new ImageCopier(source, options.BackingImage, writer, options.Size).Run(meter, cancellation));
        if (needed > room)
            throw TooSmall(target, needed, room);
    }

    private static long Empty(Destination target, ImageFormat format, TargetOptions options)
        => MeasureImage.LengthOf(format, target.Target, options, _ => { });

    private static DiskImageException TooSmall(Destination target, long needed, long room)
        => new(ErrorKind.NotEnoughSpace, $"the image needs {Text(needed)} bytes, but there is only room for {Text(room)}", target.Target)
        {
            Remedy = Remedy.Advice("Nothing was written to it."),
        };
}
