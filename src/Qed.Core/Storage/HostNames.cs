using System;
using System.IO;
using System.Runtime.InteropServices;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>The names of files in the host's folders. On Linux a name that was made, changed or removed is so for good only once its folder was flushed.</summary>
internal static class HostNames
{
    /// <summary>Makes the creation, renaming or removal of a file durable.</summary>
    /// <exception cref="DiskImageException">The system could not: after a crash the folder may be as it was before.</exception>
    internal static void FlushFolderOf(string path)
    {
        // Windows journals names.
        if (!HostPlatform.IsLinux)
            return;
        string folder = Path.GetDirectoryName(StorageErrors.FullPath(path)) ?? "/";
        using var handle = LinuxNative.Open(LinuxNative.NullTerminated(folder), LinuxNative.OpenCloseOnExec);
        if (handle.IsInvalid)
        {
            // There are folders in which one may create files and yet not look around; nobody can flush those by hand.
            if (Marshal.GetLastWin32Error() == LinuxError.Eacces)
                return;
            throw StorageErrors.FlushFailed(SystemError.Last(), folder);
        }

        while (LinuxNative.FSync(handle) != 0)
        {
            int code = Marshal.GetLastWin32Error();
            if (SystemError.IsNotSupported(code))
                return;
            if (code != LinuxError.Eintr)
                throw StorageErrors.FlushFailed(SystemError.Last(), folder);
        }
    }

    /// <summary>Whether anything has a name, be it a link that leads nowhere.</summary>
    internal static bool IsTaken(string path)
        => HostPlatform.IsLinux ? LinuxStatus.OfLink(path) is not null
            : HostPlatform.IsWindows ? WindowsNames.System.AttributesOf(path) is not null
            : File.Exists(path) || Directory.Exists(path);

    /// <summary>Whether a path is one that the file system takes, whatever lies there (Linux).</summary>
    internal static bool MayExist(string path)
        => LinuxStatus.OfLink(path) is not null || Marshal.GetLastWin32Error() == LinuxError.Enoent;

    /// <summary>Gives a file another name.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    internal static void Rename(string place, string path, bool overwrite)
    {
        if (HostPlatform.IsWindows)
            WindowsRename.Usual.Run(place, path, overwrite);
        else if (overwrite && File.Exists(path))
            File.Replace(place, path, destinationBackupFileName: null);
        else
            File.Move(place, path);
    }

    /// <summary>Removes a file durably, if it is there.</summary>
    /// <exception cref="DiskImageException">The system refuses to.</exception>
    internal static void Delete(string path)
    {
        try
        {
            Remove(path);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            throw StorageErrors.Translate(error, path);
        }

        FlushFolderOf(path);
    }

    /// <summary>Removes a file that was begun and is not wanted any more, because of an error that matters more than one of this.</summary>
    internal static void Abandon(string path)
    {
        try
        {
            Remove(path);
        }
        catch (Exception error) when (StorageErrors.IsFromTheSystem(error))
        {
            // Nothing more can be done.
        }
    }

    /// <summary>Removes a file, if it is there.</summary>
    /// <exception cref="IOException">The system refuses to.</exception>
    internal static void Remove(string path)
    {
        if (HostPlatform.IsWindows)
            WindowsRename.Usual.Delete(path);
        else
            File.Delete(path);
    }
}
