using System.IO;
using System.Runtime.InteropServices;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>The name of a file that was created without one (Linux).</summary>
internal static class FirstName
{
    /// <summary>Gives a name to a file that has none (Linux).</summary>
    /// <param name="place">A path that leads to the open file.</param>
    /// <param name="path">The name.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    internal static void Give(string place, string path, bool overwrite)
    {
        if (TryLink(place, path))
            return;
        if (!overwrite || Marshal.GetLastWin32Error() != LinuxError.Eexist)
            throw SystemError.Last();
        // Only a file with a name can take another's place.
        string waiting = TemporaryName.Waiting(path);
        if (!TryLink(place, waiting) && !(Leftovers.TryRemove(waiting) && TryLink(place, waiting)))
        {
            waiting = TemporaryName.Beside(path);
            if (!TryLink(place, waiting))
                throw SystemError.Last();
        }

        try
        {
            HostNames.Rename(waiting, path, overwrite);
        }
        catch
        {
            HostNames.Abandon(waiting);
            throw;
        }
    }

    private static bool TryLink(string place, string path)
        => LinuxNative.LinkAt(LinuxNative.AtFdCwd, LinuxNative.NullTerminated(place), LinuxNative.AtFdCwd, LinuxNative.NullTerminated(path), LinuxNative.AtSymlinkFollow) == 0;
}
