using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Qed.Storage;

/// <summary>Warns of file systems without locks, on which nothing keeps a virtual machine and us out of each other's way: once of each.</summary>
internal static class MissingLocks
{
    private static readonly ConcurrentDictionary<FileIdentity, bool> Told = new();

    internal static void Tell(HostFile file, ILogger logger)
    {
        // Where the host gives no numbers the identity is a path, and every path is warned of.
        if (file.LacksLock && logger.IsEnabled(LogLevel.Warning) && Told.TryAdd(file.Identity with { File = 0 }, true))
            Log.NoLocks(logger, file.Path);
    }
}
