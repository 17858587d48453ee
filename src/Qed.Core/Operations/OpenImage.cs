using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Checking;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;

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
        => ImageChain.OpenChain(path, new ChainOptions { Format = format }, logger ?? NullLogger.Instance);

    /// <summary>
    /// Opens a QED image for writing, with its backing chain for reading. One that was not closed cleanly is checked
    /// first, and opened only if it is sound.
    /// </summary>
    /// <exception cref="DiskImageException">Of any image of the chain; ImageCorrupt where the check finds faults.</exception>
    public static QedImage ForWriting(string path, ILogger? logger = null) => ForWriting(path, withBacking: true, logger ?? NullLogger.Instance);

    internal static QedImage ForWriting(string path, bool withBacking, ILogger logger)
    {
        HostFile file = QedFile.Open(path, StorageAccess.Write, "only QED images are changed in place", new(RemedyKind.ConvertToQed));
        QedImage image;
        CheckResult? check;
        try
        {
            check = VerifyIfDoubtful(file, logger);
            image = QedImage.Open(file, new QedOpenOptions { ForWriting = true, NeedCheckVerified = check is not null });
            Log.Opened(logger, image.Path, image.Format, image.Length);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        try
        {
            if (withBacking)
                ImageChain.AttachChain(image, file.Identity, StorageAccess.Read, logger);
            if (check is { EntriesBeyondEnd: > 0 })
                image.DropBeyondEnd();
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Checks an image that was not closed cleanly, or whose last cluster is cut off.</summary>
    /// <returns>What the check has found that does not keep it from being written; null where none was needed.</returns>
    private static CheckResult? VerifyIfDoubtful(HostFile file, ILogger logger)
    {
        QedHeader header = QedHeaderReader.Read(file);
        long length = file.Length;
        long tail = length & (header.Geometry.ClusterSize - 1);
        if (!header.NeedsCheck && tail == 0)
            return null;
        CheckResult result = CheckImage.Run(file, maximumIssues: 1, progress: null, CancellationToken.None);
        if (result.Corruptions > 0)
        {
            throw new DiskImageException(
                ErrorKind.ImageCorrupt, $"the image was not closed cleanly and a check finds {result.Corruptions} corruptions, so it is not opened for writing", file.Path)
            {
                Remedy = new(RemedyKind.ListDamage) { Next = Remedy.Advice("Reading it, and converting it to a new image, still works where the data is sound.") },
            };
        }

        // Nothing references what is left of a cluster that was being added.
        if (tail != 0)
            file.SetLength(length - tail);
        Log.NeededCheck(logger, file.Path);
        return result;
    }
}
