using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>What makes a host file the same file under any name: volume and file number.</summary>
/// <param name="Volume">The volume's number.</param>
/// <param name="File">The file's number on that volume.</param>
/// <param name="Name">The full path, used only where the system gives no numbers.</param>
public readonly record struct FileIdentity(ulong Volume, ulong File, string? Name)
{
    private const ulong NoVolume = ulong.MaxValue;

    /// <summary>The identity of a file that exists, symbolic links followed.</summary>
    /// <returns>Null where there is no such file.</returns>
    public static FileIdentity? Of(string path)
    {
        if (HostPlatform.IsLinux)
            return LinuxStatus(path) is { } status ? Of(status) : null;
        if (!System.IO.File.Exists(path))
            return null;
        try
        {
            using PositionalIo io = PositionalIo.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return Of(io.Handle, path);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            return ByName(path);
        }
    }

    internal static FileIdentity Of(SafeFileHandle handle, string path)
    {
        if (HostPlatform.IsLinux && LinuxStatus(handle) is { } status)
            return Of(status);
        if (HostPlatform.IsWindows && WindowsNative.GetFileInformationByHandle(handle, out var info))
            return new FileIdentity(info.VolumeSerial, ((ulong)info.IndexHigh << 32) | info.IndexLow, null);
        return ByName(path);
    }

    /// <summary>What Linux tells of a path, symbolic links followed.</summary>
    /// <returns>Null where nothing is there.</returns>
    /// <exception cref="DiskImageException">The system cannot tell: nobody may go on as if nothing were there.</exception>
    internal static LinuxNative.FileStatus? LinuxStatus(string path) => LinuxStatus(path, 0);

    /// <summary>As <see cref="LinuxStatus(string)"/>, but of a symbolic link itself.</summary>
    internal static LinuxNative.FileStatus? LinuxStatusOfLink(string path) => LinuxStatus(path, LinuxNative.AtSymlinkNoFollow);

    internal static LinuxNative.FileStatus? LinuxStatus(SafeFileHandle handle)
    {
        int descriptor = handle.DangerousGetHandle().ToInt32();
        return LinuxNative.StatX(descriptor, [0], LinuxNative.AtEmptyPath, LinuxNative.StatxBasicStats, out var status) == 0
            ? status
            : null;
    }

    private static LinuxNative.FileStatus? LinuxStatus(string path, int flags)
    {
        if (LinuxNative.StatX(LinuxNative.AtFdCwd, NullTerminated(path), flags, LinuxNative.StatxBasicStats, out var status) == 0)
            return status;
        int error = Marshal.GetLastWin32Error();
        bool leadsNowhere = error is LinuxNative.Enoent or LinuxNative.Enotdir or LinuxNative.Eloop or LinuxNative.Enametoolong or LinuxNative.Eacces;
        return leadsNowhere ? null : throw StorageErrors.Translate(SystemError.Of(error), path);
    }

    internal static byte[] NullTerminated(string path) => Encoding.UTF8.GetBytes(path + '\0');

    /// <summary>The identity of a block device, which may have nodes in several places.</summary>
    internal static FileIdentity OfDevice(uint major, uint minor) => new(NoVolume, ((ulong)major << 32) | minor, null);

    private static FileIdentity Of(LinuxNative.FileStatus status)
        => status.Type == FileType.BlockDevice ? OfDevice(status.NodeMajor, status.NodeMinor)
            : new(((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Inode, null);

    private static FileIdentity ByName(string path) => new(0, 0, System.IO.Path.GetFullPath(path));
}
