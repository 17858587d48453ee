using Microsoft.Extensions.Logging;
using Qed.Images;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>What of a source is only in the host's memory yet. Some file systems know it neither as data nor as blocks: it would pass for a hole.</summary>
internal static class DirtyPages
{
    /// <summary>Has the system write out all files of a chain, before its holes are believed. Where it cannot, a warning says so.</summary>
    /// <param name="chain">The image and what it rests on; null for none.</param>
    /// <param name="logger">Receives the warnings.</param>
    internal static void WriteOut(DiskImage? chain, ILogger logger)
    {
        for (DiskImage? image = chain; image is not null; image = image.Backing)
        {
            foreach (string file in image.Files)
            {
                if (HostCache.WriteOut(file) is { } error)
                    Log.NotWrittenOut(logger, file, error.Rule);
            }
        }
    }
}
