using System;
using System.IO;
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

    /// <summary>Takes the lock.</summary>
    /// <returns>Null where the file system has no such locks.</returns>
    /// <exception cref="DiskImageException">ImageInUse, or the system fails the lock in another way.</exception>
    internal static ImageLock? Take(SafeFileHandle handle, string path, bool forWriting)
    {
        if (!HostPlatform.IsLinux)
            return null;
        int[] needs = forWriting ? WriterNeeds : ReaderNeeds;
        var taken = new ImageLock(handle);
        try
        {
            if (!AnnounceAll(handle, path, PermissionBase, needs) || !AnnounceAll(handle, path, RefusalBase, Refusals))
                return null;
            bool? isRefused = IsHeldByOthers(handle, path, RefusalBase, needs);
            bool? isRefusing = IsHeldByOthers(handle, path, PermissionBase, Refusals);
            if (isRefused is true || isRefusing is true)
                throw InUse(path, forWriting);
            return isRefused is null || isRefusing is null ? null : taken;
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
        if (HostPlatform.IsWindows)
            return IsWriterPresentOnWindows(path);
        if (!HostPlatform.IsLinux)
            return null;
        try
        {
            return IsHeldByOthers(handle, path, PermissionBase, [Write]);
        }
        catch (DiskImageException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        if (_handle.IsClosed)
            return;
        // Should this fail, closing the file ends the locks.
        var all = new LinuxNative.FileLock { Type = LinuxNative.Unlock, Start = PermissionBase, Length = RefusalBase };
        _ = LinuxNative.Fcntl(_handle, LinuxNative.FcntlOfdSetLock, ref all);
    }

    private static DiskImageException InUse(string path, bool forWriting)
        => LockHolder.InUse(path, forWriting ? "the image is in use" : "the image is being written");

    /// <summary>
    /// A share mode is only tested by opening: denying others the right to write fails where one has it. For that moment it
    /// is denied to whoever begins to write, so this is asked where it is shown, and nowhere else.
    /// </summary>
    private static bool? IsWriterPresentOnWindows(string path)
    {
        try
        {
            PositionalIo.Open(path, FileAccess.Read, FileShare.Read).Dispose();
            return false;
        }
        catch (IOException error)
        {
            return StorageErrors.IsShareConflict(error) ? true : null;
        }
    }

    /// <returns>False where the file system has no such locks.</returns>
    private static bool AnnounceAll(SafeFileHandle handle, string path, int first, int[] bits)
    {
        foreach (int bit in bits)
        {
            var request = new LinuxNative.FileLock { Type = LinuxNative.ReadLock, Start = first + bit, Length = 1 };
            // Somebody's exclusive lock is a conflict, which shows up in the test that follows.
            if (Call(handle, LinuxNative.FcntlOfdSetLock, ref request) is var error and not (0 or LinuxError.Eagain or LinuxError.Eacces))
                return RequireNotSupported(error, path);
        }

        return true;
    }

    /// <returns>Null where the file system has no such locks.</returns>
    private static bool? IsHeldByOthers(SafeFileHandle handle, string path, int first, int[] bits)
    {
        foreach (int bit in bits)
        {
            var test = new LinuxNative.FileLock { Type = LinuxNative.WriteLock, Start = first + bit, Length = 1 };
            int error = Call(handle, LinuxNative.FcntlOfdGetLock, ref test);
            if (error != 0 && !RequireNotSupported(error, path))
                return null;
            if (test.Type != LinuxNative.Unlock)
                return true;
        }

        return false;
    }

    /// <returns>The error; zero for none.</returns>
    private static int Call(SafeFileHandle handle, int command, ref LinuxNative.FileLock request)
    {
        while (LinuxNative.Fcntl(handle, command, ref request) != 0)
        {
            int error = Marshal.GetLastWin32Error();
            if (error != LinuxError.Eintr)
                return error;
        }

        return 0;
    }

    /// <returns>False: the file system has no such locks.</returns>
    /// <exception cref="DiskImageException">It has, and has failed.</exception>
    private static bool RequireNotSupported(int error, string path)
        => error == LinuxError.Enolck || SystemError.IsNotSupported(error) ? false : throw StorageErrors.Translate(SystemError.Of(error), path);
}
