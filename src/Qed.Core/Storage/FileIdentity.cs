using System.IO;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>What makes a host file the same file under any name: volume and file number.</summary>
/// <param name="Volume">The volume's number.</param>
/// <param name="File">The file's number on that volume.</param>
/// <param name="Name">On Windows the volume's device, as copies of a volume have its number; the full path where the system gives no numbers.</param>
internal readonly record struct FileIdentity(ulong Volume, ulong File, string? Name)
{
    private const ulong NoVolume = ulong.MaxValue;

    /// <summary>The second half of the file's number, where it has one.</summary>
    internal ulong High { get; init; }

    /// <summary>The identity of a file that exists, symbolic links followed.</summary>
    /// <returns>Null where there is no such file.</returns>
    public static FileIdentity? Of(string path)
    {
        if (HostPlatform.IsLinux)
            return LinuxStatus.Of(path) is { } status ? Of(status) : null;
        if (HostPlatform.IsWindows)
            return WindowsIdentity.Of(path);
        return System.IO.File.Exists(path) ? ByName(path) : null;
    }

    internal static FileIdentity Of(SafeFileHandle handle, string path)
    {
        if (HostPlatform.IsLinux && LinuxStatus.Of(handle) is { } status)
            return Of(status);
        return HostPlatform.IsWindows ? WindowsIdentity.Of(new WindowsHandle(handle), path) : ByName(path);
    }

    /// <summary>The identity of a block device, which may have nodes in several places.</summary>
    internal static FileIdentity OfDevice(uint major, uint minor) => new(NoVolume, ((ulong)major << 32) | minor, null);

    /// <summary>The identity of a file that has no number.</summary>
    internal static FileIdentity ByName(string path) => new(0, 0, Path.GetFullPath(path));

    private static FileIdentity Of(LinuxNative.FileStatus status)
        => status.Type == FileType.BlockDevice ? OfDevice(status.NodeMajor, status.NodeMinor)
            : new(((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Inode, null);
}
