using System;
using System.Globalization;
using System.IO;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>Finds out where an opened file really lies. Asked of the handle, the answer cannot be outrun by swapping links.</summary>
internal static unsafe class RealPaths
{
    private const int Longest = 1 << 15;

    /// <summary>The full path of an opened file without any link in it.</summary>
    /// <param name="handle">The file.</param>
    /// <param name="path">The path that it was opened by.</param>
    /// <returns>Null where the last part of that path is a link and the system does not tell more.</returns>
    internal static string? Of(SafeFileHandle handle, string path)
    {
        string? real = HostPlatform.IsLinux ? OnLinux(handle) : HostPlatform.IsWindows ? OnWindows(handle) : null;
        return real ?? (IsLink(path) ? null : path);
    }

    /// <summary>The full path of what a path names, without any link in it (Linux); null where there is nothing.</summary>
    internal static string? Of(string path)
    {
        using SafeFileHandle handle = OpenPath(path);
        return handle.IsInvalid ? null : OnLinux(handle);
    }

    /// <summary>Opens a path to be named only, whatever it leads to (Linux).</summary>
    internal static SafeFileHandle OpenPath(string path)
        => LinuxNative.Open(LinuxNative.NullTerminated(path), LinuxNative.OpenPathOnly | LinuxNative.OpenCloseOnExec);

    /// <summary>A path that leads to an open file even where it has no name (Linux).</summary>
    internal static string Descriptor(SafeFileHandle handle)
        => "/proc/self/fd/" + handle.DangerousGetHandle().ToInt32().ToString(CultureInfo.InvariantCulture);

    /// <summary>What a symbolic link holds (Linux); null where the system does not tell.</summary>
    internal static string? TextOf(string link)
    {
        byte[] buffer = new byte[Longest];
        fixed (byte* start = buffer)
        {
            nint length = LinuxNative.ReadLink(LinuxNative.NullTerminated(link), start, buffer.Length);
            return length > 0 && length < buffer.Length ? Encoding.UTF8.GetString(buffer, 0, (int)length) : null;
        }
    }

    private static string? OnLinux(SafeFileHandle handle) => TextOf(Descriptor(handle));

    private static string? OnWindows(SafeFileHandle handle) => new WindowsHandle(handle).FinalPath(0) is { } path ? WindowsPath.WithoutPrefix(path) : null;

    /// <summary>Whether the last part of a path is a link, or may be.</summary>
    internal static bool IsLink(string path)
    {
        try
        {
            return (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0;
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            return true;
        }
    }
}
