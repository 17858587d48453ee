using System.IO;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>Opens and creates files and devices as this host does.</summary>
internal static class HostOpening
{
    /// <summary>A pipe or terminal would block or lie, so only files and block devices are opened.</summary>
    /// <returns>Whether it is a block device.</returns>
    internal static bool RefuseWhatIsNoFile(string path) => FileTypes.Of(path) switch
    {
        // What is not there is told by opening it, which also knows whether the folder is missing.
        FileType.None or FileType.Regular => false,
        FileType.BlockDevice => true,
        FileType.Folder => throw new DiskImageException(ErrorKind.ImageNotRecognized, "this is a folder, not a disk image", path),
        FileType other => throw new DiskImageException(ErrorKind.ImageNotRecognized, $"this is {other.Describe()}; only files and block devices can hold a disk image", path),
    };

    /// <summary>Opens what exists. A device that is written is claimed, as it would be overwritten under its volumes' users otherwise.</summary>
    internal static PositionalIo Open(string place, StorageAccess access, bool isBlockDevice)
    {
        bool isWritten = access == StorageAccess.Write;
        if (HostPlatform.IsWindows && isBlockDevice)
            return WindowsDiskClaim.Open(place, forWriting: isWritten);
        if (isBlockDevice && isWritten)
            return new PositionalIo(BlockDevice.OpenToWrite(place));
        FileAccess wanted = isWritten ? FileAccess.ReadWrite : FileAccess.Read;
        return PositionalIo.Open(place, wanted, ShareFor(access));
    }

    /// <summary>Creates a file, for reading and writing.</summary>
    /// <param name="place">Where.</param>
    /// <param name="privacy">Who may use it: made private later, it could be opened by others before.</param>
    /// <param name="mayOpenTwice">Whether it can be opened for writing once more, which Windows' share modes then do not exclude.</param>
    internal static PositionalIo Create(string place, NewFilePrivacy privacy, bool mayOpenTwice)
        => privacy.IsPrivate && HostPlatform.IsLinux ? new PositionalIo(LinuxNative.CreatePrivate(place))
            : HostPlatform.IsWindows ? new PositionalIo(WindowsOpening.Create(place, mayOpenTwice ? FileShare.ReadWrite : ShareFor(StorageAccess.Write), privacy))
            : PositionalIo.Create(place, ShareFor(StorageAccess.Write));

    // On Linux .NET's share modes become flock locks that QEMU does not know: ImageLock does the work there.
    private static FileShare ShareFor(StorageAccess access)
        => HostPlatform.IsWindows && access != StorageAccess.Peek ? FileShare.Read : FileShare.ReadWrite | FileShare.Delete;
}
