using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>What makes a host file the same file under any name: volume and file number.</summary>
/// <param name="Volume">The volume's number.</param>
/// <param name="File">The file's number on that volume.</param>
/// <param name="Name">The full path, used only where the system gives no numbers.</param>
internal readonly record struct FileIdentity(ulong Volume, ulong File, string? Name)
{
    private const ulong NoVolume = ulong.MaxValue;

    /// <summary>The identity of a file that exists, symbolic links followed.</summary>
    /// <returns>Null where there is no such file.</returns>
    public static FileIdentity? Of(string path)
    {
        if (HostPlatform.IsLinux)
            return LinuxStatus.Of(path) is { } status ? Of(status) : null;
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
        if (HostPlatform.IsLinux && LinuxStatus.Of(handle) is { } status)
            return Of(status);
        if (HostPlatform.IsWindows && WindowsNative.GetFileInformationByHandle(handle, out var info))
            return new FileIdentity(info.VolumeSerial, ((ulong)info.IndexHigh << 32) | info.IndexLow, null);
        return ByName(path);
    }

    /// <summary>The identity of a block device, which may have nodes in several places.</summary>
    internal static FileIdentity OfDevice(uint major, uint minor) => new(NoVolume, ((ulong)major << 32) | minor, null);

    private static FileIdentity Of(LinuxNative.FileStatus status)
        => status.Type == FileType.BlockDevice ? OfDevice(status.NodeMajor, status.NodeMinor)
            : new(((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Inode, null);

    private static FileIdentity ByName(string path) => new(0, 0, System.IO.Path.GetFullPath(path));
}
