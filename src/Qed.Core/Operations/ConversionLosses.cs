using Microsoft.Extensions.Logging;
using Qed.Formats;
using Qed.Images;

namespace Qed.Operations;

/// <summary>What of a source its target does not get, since formats do not all hold the same.</summary>
internal static class ConversionLosses
{
    private const int UsualSectorSize = 512;

    /// <summary>The logical sector size that a target is to be told to have; null where its format or its parent decides.</summary>
    internal static int? LogicalSectorSize(DiskImage source, DiskImage? baseline, ImageFormat format, ConvertImageOptions options)
        => options.LogicalSectorSize ?? (format.HasSectorSizes && baseline is null ? source.Details.LogicalSectorSize : null);

    /// <summary>As <see cref="LogicalSectorSize"/>, of the physical sector size.</summary>
    internal static int? PhysicalSectorSize(DiskImage source, DiskImage? baseline, ImageFormat format, ConvertImageOptions options)
        => options.PhysicalSectorSize ?? (format.HasSectorSizes && baseline is null ? source.Details.PhysicalSectorSize : null);

    /// <summary>Says what is lost without having been asked for.</summary>
    internal static void Warn(DiskImage source, DiskImage? baseline, ImageFormat format, ConvertImageOptions options, ILogger logger)
    {
        ImageDetails details = source.Details;
        if (details.Snapshots.Count > 0)
            Log.SnapshotsDropped(logger, source.Path, string.Join(", ", details.Snapshots));
        if (details.Bitmaps.Count > 0)
            Log.BitmapsDropped(logger, source.Path, string.Join(", ", details.Bitmaps));
        int sectorSize = (format.HasSectorSizes ? baseline?.Details.LogicalSectorSize ?? details.LogicalSectorSize : null) ?? UsualSectorSize;
        if (options.LogicalSectorSize is null && details.LogicalSectorSize is { } had && had != sectorSize)
            Log.SectorSizeLost(logger, source.Path, had, sectorSize, format.DisplayName);
    }
}
