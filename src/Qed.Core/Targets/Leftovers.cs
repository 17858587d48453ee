using System;
using System.IO;
using System.Linq;
using Microsoft.Extensions.Logging;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>Files under construction that an earlier run, killed, has left beside the target of a new one.</summary>
internal static class Leftovers
{
    /// <summary>Removes them, and names each. What another run holds, or may hold, stays.</summary>
    /// <param name="target">The target that both runs have in common.</param>
    /// <param name="logger">Told of each.</param>
    internal static void Clear(string target, ILogger logger)
    {
        foreach (string path in Of(target))
        {
            if (TryRemove(path))
                Log.LeftoverRemoved(logger, path, target);
        }
    }

    /// <summary>Removes one file under construction, unless somebody may still be working on it.</summary>
    internal static bool TryRemove(string path)
    {
        try
        {
            // Held while it is removed: whoever has just created a file of this name finds it locked, and takes another.
            using HostFile file = HostFile.Open(path, StorageAccess.Write);
            if (HostPlatform.IsLinux)
            {
                // Without locks nobody can tell; and somebody else may have removed it just now and given the name to another.
                if (!file.IsLocked || FileIdentity.Of(path) != file.Identity)
                    return false;
                HostNames.Remove(path);
            }
        }
        catch (Exception error) when (error is DiskImageException || StorageErrors.IsFromTheSystem(error))
        {
            return false;
        }

        if (!HostPlatform.IsLinux)
            HostNames.Abandon(path);
        return true;
    }

    private static string[] Of(string target)
    {
        try
        {
            return Directory.EnumerateFiles(Path.GetDirectoryName(target)!, TemporaryName.Pattern)
                .Where(path => TemporaryName.IsFor(target, path))
                .ToArray();
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            // A folder that one may write to and not look into.
            return [];
        }
    }
}
