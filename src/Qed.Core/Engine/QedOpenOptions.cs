using System;
using Qed.Storage;
using Qed.Tables;

namespace Qed.Engine;

/// <summary>How to open a QED image.</summary>
internal sealed record QedOpenOptions
{
    /// <summary>Whether to open it for writing.</summary>
    public bool ForWriting { get; init; }

    /// <summary>
    /// The caller has just checked an image whose NEED_CHECK bit is set and found it sound. Without this such an image
    /// is not opened for writing; with it the bit is cleared on closing.
    /// </summary>
    public bool NeedCheckVerified { get; init; }

    /// <summary>
    /// The most memory in bytes, 256 KiB to 4 GiB, that pages of the image's tables take: 16 MiB unless set. 1 MiB holds the
    /// tables of 8 GiB in clusters of 64 KiB; random access over more than the tables in memory map reads a page of 4 KiB for
    /// each miss. The memory is taken as it is needed. Half of it may wait to be written.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value lies outside these bounds.</exception>
    public long TableCacheBytes
    {
        get;
        init => field = PageBudget.Require(value);
    } = PageBudget.Default;

    /// <summary>
    /// Whether whole clusters of zeroes that are written give their space back, as <see cref="QedImage.WriteZeroes"/> does. That
    /// costs a look at all that is written.
    /// </summary>
    public bool DetectZeroes { get; init; }

    /// <summary>
    /// How fast the image's tables are read, in bytes a second and at least 1, when its free clusters are looked for beside
    /// whoever uses it: 256 MiB unless set, which is 2 TiB of the disk at the default cluster size.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is smaller than 1.</exception>
    public long ScanBytesPerSecond
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A scan must go on.");
    } = 256 << 20;

    /// <summary>How what no request waits for is done.</summary>
    internal BackgroundWork Background { get; init; } = BackgroundWork.OnThreads;

    /// <summary>Which clusters of the file are in use, where a scan of the tables has just found that and found them sound; null where nobody knows.</summary>
    internal ClusterBitmap? Used { get; init; }

    /// <summary>
    /// Whether nothing is written before the first change, as those want it who may yet refuse to make one. Otherwise
    /// unknown autoclear features are cleared by opening the image for writing.
    /// </summary>
    internal bool MayRefuse { get; init; }
}
