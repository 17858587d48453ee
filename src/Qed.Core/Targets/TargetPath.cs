using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qed.Storage;

namespace Qed.Targets;

/// <summary>Follows a symbolic link that is to be written to: what it names is replaced, and the link stays.</summary>
internal static class TargetPath
{
    private const int MostLinks = 40;

    /// <summary>The full path of what a path names, which need not exist: a link to nothing names what is to be created.</summary>
    /// <exception cref="DiskImageException">ImageNotFound, AccessDenied where the system does not follow the link.</exception>
    internal static string Resolve(string path)
    {
        string full = StorageErrors.FullPath(path);
        string place = full;
        // The system is asked to follow first, since it has its reasons not to: links of others in folders open to all.
        for (int links = 0; IsLink(place); links++)
        {
            if (FileTypes.Of(place) is var type and not FileType.None)
                return type == FileType.Regular ? RealPath(place) : place;
            if (!HostPlatform.IsLinux)
                return place;
            RequireToNothing(place, full);
            if (links == MostLinks)
                throw new DiskImageException(ErrorKind.ImageNotFound, "too many symbolic links lead to one another", full);
            place = Next(place, full);
        }

        return place;
    }

    private static bool IsLink(string path)
        => HostPlatform.IsLinux ? LinuxStatus.OfLink(path) is { Type: FileType.Link } : File.Exists(path) && RealPaths.IsLink(path);

    private static string RealPath(string link)
    {
        if (HostPlatform.IsLinux)
        {
            using SafeFileHandle handle = RealPaths.OpenPath(link);
            return handle.IsInvalid ? throw StorageErrors.Translate(SystemError.Last(), link) : RealPaths.Of(handle, link) ?? link;
        }

        using HostFile file = HostFile.Open(link, StorageAccess.Peek);
        return file.RealPath ?? link;
    }

    private static void RequireToNothing(string link, string full)
    {
        using SafeFileHandle handle = RealPaths.OpenPath(link);
        if (handle.IsInvalid && Marshal.GetLastWin32Error() is var error and not LinuxError.Enoent)
            throw StorageErrors.Translate(SystemError.Of(error), full);
    }

    /// <summary>The path that a link holds, in the folder where it really lies.</summary>
    private static string Next(string link, string full)
    {
        string text = RealPaths.TextOf(link) ?? throw StorageErrors.Translate(SystemError.Last(), full);
        // Left as it is: ".." behind another link leads elsewhere than its text says.
        string next = Path.Combine(Path.GetDirectoryName(link)!, text);
        string name = Path.GetFileName(next);
        string? real = RealPaths.Of(next.Substring(0, next.Length - name.Length));
        if (real is null || name is "" or "." or "..")
            throw new DiskImageException(ErrorKind.ImageNotFound, $"this symbolic link leads to '{text}', whose folder does not exist", full);
        return Path.Combine(real, name);
    }
}
