using Microsoft.Extensions.Logging;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Chains;

/// <summary>What the headers of images say of their chains; nothing else is read, and what cannot be read says nothing.</summary>
internal static class ChainHeaders
{
    /// <summary>What an image rests on; null where that is nothing, or the header cannot be read.</summary>
    /// <param name="path">The image's file.</param>
    /// <param name="format">Its format; null to probe.</param>
    /// <param name="logger">Told why a header cannot be read.</param>
    internal static BackingReference? ReferenceOf(string path, string? format, ILogger logger)
    {
        try
        {
            using DiskImage link = ImageChain.OpenLink(path, new ChainOptions { Format = format, Access = StorageAccess.Peek, Image = ImageOpenOptions.DescribeOnly }, out _);
            return link.BackingReference;
        }
        catch (DiskImageException error)
        {
            Log.HeaderNotRead(logger, path, error.Rule);
            return null;
        }
    }

    /// <summary>The path of what an image rests on; null where its name is refused.</summary>
    /// <param name="reference">The name.</param>
    /// <param name="imagePath">The image that stores it.</param>
    /// <param name="isWanted">Whether a user has asked for that image.</param>
    internal static string? PathOf(BackingReference reference, string imagePath, bool isWanted)
    {
        try
        {
            return BackingNames.Resolve(reference, imagePath, isWanted);
        }
        catch (DiskImageException)
        {
            return null;
        }
    }
}
