using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>
/// Excludes other users of an image as QEMU does on Linux: open-file-description locks on single bytes. A byte from 100
/// on says "I do this", the byte with the same index from 200 on says "nobody else may". All locks are shared ones; a
/// conflict shows when a test for an exclusive lock meets somebody else's. On Windows the share mode does the same.
/// </summary>
internal sealed class ImageLock : IDisposable
{
    private const int PermissionBase = 100;
    private const int RefusalBase = 200;
    private const int ConsistentRead = 0;
    private const int Write = 1;
    private const int Resize = 3;

    private static readonly int[] ReaderNeeds = [ConsistentRead];
    private static readonly int[] WriterNeeds = [ConsistentRead, Write, Resize];
    // Whoever interprets a format caches its tables: nobody else may change them, whether we only read or also write.
    private static readonly int[] Refusals = [Write, Resize];

    private readonly SafeFileHandle _handle;

    private ImageLock(SafeFileHandle handle) => _handle = handle;

    /// <summary>Takes the lock, or none where the file system has no such locks.</summary>
    /// <exception cref="DiskImageException">ImageInUse.</exception>
    internal static ImageLock? Take(SafeFileHandle handle, string path, bool forWriting)
    {
        if (!HostPlatform.IsLinux)
            return null;
        int[] needs = forWriting ? WriterNeeds : ReaderNeeds;
        var taken = new ImageLock(handle);
        try
        {
            if (!AnnounceAll(handle, PermissionBase, needs) || !AnnounceAll(handle, RefusalBase, Refusals))
                return null;
            if (IsHeldByOthers(handle, RefusalBase, needs) || IsHeldByOthers(handle, PermissionBase, Refusals))
                throw InUse(path, forWriting);
            return taken;
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Whether another handle, here or in another process, has the file open for writing.</summary>
    internal static bool? IsWriterPresent(SafeFileHandle handle, string path)
    {
        if (HostPlatform.IsLinux)
            return IsHeldByOthers(handle, PermissionBase, [Write]);
        if (!HostPlatform.IsWindows)
            return null;
        try
        {
            // A share mode is only tested by opening: denying others the right to write fails where one has it.
            using PositionalIo probe = PositionalIo.Open(
                path, System.IO.FileMode.Open, System.IO.FileAccess.Read, System.IO.FileShare.Read);
            return false;
        }
        catch (System.IO.IOException)
        {
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        if (!_handle.IsClosed)
            Apply(_handle, LinuxNative.Unlock, PermissionBase, RefusalBase);
    }

    private static DiskImageException InUse(string path, bool forWriting)
    {
        string holder = LockHolder.Describe(path) is { } name ? " by " + name : string.Empty;
        return new DiskImageException(
            ErrorKind.ImageInUse,
            forWriting ? "the image is in use" + holder : "the image is being written" + holder,
            path)
        {
            Remedy = Remedy.Advice("Stop the virtual machine or tool that uses it and run the command again."),
        };
    }

    private static bool AnnounceAll(SafeFileHandle handle, int first, int[] bits)
    {
        foreach (int bit in bits)
        {
            if (!Apply(handle, LinuxNative.ReadLock, first + bit, 1))
                return false;
        }

        return true;
    }

    private static bool Apply(SafeFileHandle handle, short type, long start, long length)
    {
        var request = new LinuxNative.FileLock { Type = type, Start = start, Length = length };
        if (LinuxNative.Fcntl(handle, LinuxNative.FcntlOfdSetLock, ref request) == 0)
            return true;
        // Somebody's exclusive lock counts as a conflict and shows up in the test that follows;
        // any other error means that this file system has no such locks, and QEMU then goes without as well.
        return Marshal.GetLastWin32Error() is LinuxNative.Eagain or LinuxNative.Eacces;
    }

    private static bool IsHeldByOthers(SafeFileHandle handle, int first, int[] bits)
    {
        foreach (int bit in bits)
        {
            var test = new LinuxNative.FileLock { Type = LinuxNative.WriteLock, Start = first + bit, Length = 1 };
            if (LinuxNative.Fcntl(handle, LinuxNative.FcntlOfdGetLock, ref test) == 0 && test.Type != LinuxNative.Unlock)
                return true;
        }

        return false;
    }
}
