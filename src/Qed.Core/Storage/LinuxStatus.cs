using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>What Linux tells of a file (statx).</summary>
internal static class LinuxStatus
{
    /// <summary>What is told of a path, symbolic links followed.</summary>
    /// <returns>Null where nothing is there.</returns>
    /// <exception cref="DiskImageException">The system cannot tell: nobody may go on as if nothing were there.</exception>
    internal static LinuxNative.FileStatus? Of(string path) => Of(path, 0);

    /// <summary>As <see cref="Of(string)"/>, but of a symbolic link itself.</summary>
    internal static LinuxNative.FileStatus? OfLink(string path) => Of(path, LinuxNative.AtSymlinkNoFollow);

    /// <summary>What is told of an open file.</summary>
    /// <returns>Null where the system does not tell.</returns>
    internal static LinuxNative.FileStatus? Of(SafeFileHandle handle)
    {
        int descriptor = handle.DangerousGetHandle().ToInt32();
        return LinuxNative.StatX(descriptor, [0], LinuxNative.AtEmptyPath, LinuxNative.StatxBasicStats, out var status) == 0
            ? status
            : null;
    }

    private static LinuxNative.FileStatus? Of(string path, int flags)
    {
        if (LinuxNative.StatX(LinuxNative.AtFdCwd, LinuxNative.NullTerminated(path), flags, LinuxNative.StatxBasicStats, out var status) == 0)
            return status;
        int error = Marshal.GetLastWin32Error();
        bool leadsNowhere = error is LinuxError.Enoent or LinuxError.Enotdir or LinuxError.Eloop or LinuxError.Enametoolong or LinuxError.Eacces;
        return leadsNowhere ? null : throw StorageErrors.Translate(SystemError.Of(error), path);
    }
}
