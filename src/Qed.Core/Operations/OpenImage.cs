using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Engine;
using Qed.Formats;
using Qed.Images;

namespace Qed.Operations;

/// <summary>Opens images together with what they rest on, for programs that read and write disks themselves.</summary>
public static class OpenImage
{
    /// <summary>Opens an image of any format for reading, with its backing chain.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="format">Its format; null to probe.</param>
    /// <param name="logger">Receives warnings.</param>
    /// <exception cref="DiskImageException">Of any image of the chain.</exception>
    public static DiskImage ForReading(string path, string? format = null, ILogger? logger = null)
        => ForReading(path, format, RawFallback.Anything, logger ?? NullLogger.Instance);

    internal static DiskImage ForReading(string path, string? format, RawFallback fallback, ILogger logger)
        => ImageChain.OpenChain(path, new ChainOptions { Format = format, RawFallback = fallback }, logger);

    /// <summary>
    /// Opens a QED image for writing, with its backing chain for reading. One that was not closed cleanly is checked
    /// first, and opened only if it is sound.
    /// </summary>
    /// <exception cref="DiskImageException">Of any image of the chain; ImageCorrupt where the check finds faults.</exception>
    public static QedImage ForWriting(string path, ILogger? logger = null)
    {
        logger ??= NullLogger.Instance;
        ImageForChange opened = ImageForChange.Open(path, ChangeNeeds.Default, progress: null, logger, CancellationToken.None);
        try
        {
            opened.Begin(logger);
            return opened.Image;
        }
        catch
        {
            opened.Image.Dispose();
            throw;
        }
    }
}
