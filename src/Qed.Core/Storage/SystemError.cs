using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;

namespace Qed.Storage;

/// <summary>The error of a system call that was made without .NET in between, in the form in which .NET reports its own.</summary>
internal static class SystemError
{
    private const int WindowsErrors = unchecked((int)0x80070000);

    /// <summary>The error of the call that has just failed.</summary>
    internal static IOException Last() => Of(Marshal.GetLastWin32Error());

    /// <summary>The error of a call whose code was kept.</summary>
    internal static IOException Of(int code)
        => new(new Win32Exception(code).Message, HostPlatform.IsWindows ? WindowsErrors | code : code);

    /// <summary>The error of a call of Windows, whatever system this is.</summary>
    internal static IOException OfWindows(int code) => new(new Win32Exception(code).Message, WindowsErrors | code);

    /// <summary>Whether an error only says that the file, or its file system, knows no such call (POSIX).</summary>
    /// <remarks>Not "read-only file system": to a file that is open for writing that says that its file system has failed.</remarks>
    internal static bool IsNotSupported(int code)
        => code is LinuxError.Einval or LinuxError.Enotsup or LinuxError.Enosys;
}
