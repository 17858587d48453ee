using System.Runtime.InteropServices;

namespace Qed.Storage;

/// <summary>What the system holds of files in memory.</summary>
internal static class HostCache
{
    /// <summary>Has the system write out what it holds of a file in memory only, whoever wrote it (Linux).</summary>
    /// <returns>The error of the device or file system; null where there was none, or nothing that could be asked for.</returns>
    internal static DiskImageException? WriteOut(string path)
    {
        if (!HostPlatform.IsLinux)
            return null;
        using var handle = LinuxNative.Open(LinuxNative.NullTerminated(path), LinuxNative.OpenCloseOnExec);
        while (!handle.IsInvalid && LinuxNative.FDataSync(handle) != 0)
        {
            int code = Marshal.GetLastWin32Error();
            if (SystemError.IsNotSupported(code))
                return null;
            if (code != LinuxError.Eintr)
                return StorageErrors.Translate(SystemError.Last(), path);
        }

        return null;
    }
}
