using System;
using Qed.Storage;

namespace Qed.Operations;

/// <summary>Fills a file under construction, so that errors name the file the user asked for.</summary>
internal static class TargetFile
{
    internal static void Fill(PendingFile file, Action fill)
    {
        try
        {
            fill();
        }
        catch (DiskImageException error) when (error.Path == file.Storage.Path)
        {
            throw error.WithPath(file.Target);
        }
    }
}
