using System;
using System.IO;

namespace Qed.Storage;

/// <summary>Turns what the system reports into the engine's kinds, each from one place.</summary>
internal static class StorageErrors
{
    private const int LinuxNoSuchDevice = 6;
    private const int LinuxNoDevice = 19;
    private const int LinuxNotConnected = 107;
    private const int LinuxShutDown = 108;
    private const int LinuxStaleHandle = 116;
    private const int LinuxNoMedium = 123;
    private const int WindowsNotReady = unchecked((int)0x80070015);
    private const int WindowsNoSuchDevice = unchecked((int)0x80070037);
    private const int WindowsNameDeleted = unchecked((int)0x80070040);
    private const int WindowsNotConnected = unchecked((int)0x8007048F);
    private const int WindowsSharingViolation = unchecked((int)0x80070020);
    private const int WindowsLockViolation = unchecked((int)0x80070021);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsCrc = unchecked((int)0x80070017);
    private const int WindowsIoDevice = unchecked((int)0x8007045D);

    /// <summary>
    /// Whether an exception is one that <see cref="Translate"/> gives a kind to: what .NET throws for a call that the system
    /// refused or failed. Anything else is a fault of the program, and is not to pass for one of the user's files.
    /// </summary>
    internal static bool IsFromTheSystem(Exception error) => error is IOException or UnauthorizedAccessException;

    /// <summary>Bytes that were in a file when it was opened, and no longer are: to read zeroes there would lose them unnoticed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">The first byte that is missing.</param>
    internal static DiskImageException BecameShorter(string path, long offset)
        => new(ErrorKind.ImageCorrupt, "the file has become shorter while it was read", path) { Structure = "end of the file", Offset = offset };

    /// <summary>
    /// Whether an error is that of a place which the host cannot read, as a bad sector has it. One of a device or server that
    /// is gone is not: with that nothing can be read any more.
    /// </summary>
    internal static bool IsFailedRead(DiskImageException error)
        => error.Kind == ErrorKind.AccessDenied && error.InnerException is IOException
        {
            HResult: not (LinuxNoSuchDevice or LinuxNoDevice or LinuxNotConnected or LinuxShutDown or LinuxStaleHandle or LinuxNoMedium
                or WindowsNotReady or WindowsNoSuchDevice or WindowsNameDeleted or WindowsNotConnected),
        };

    internal static DiskImageException Translate(Exception error, string path) => error switch
    {
        FileNotFoundException or IOException { HResult: LinuxError.Enoent } => new(ErrorKind.ImageNotFound, "no such file", path, error),
        DirectoryNotFoundException => new(ErrorKind.ImageNotFound, "no such folder", path, error),
        DriveNotFoundException => new(ErrorKind.ImageNotFound, "no such drive", path, error),
        PathTooLongException => new(ErrorKind.ImageNotFound, "the path is too long for this system", path, error),
        UnauthorizedAccessException or IOException { HResult: LinuxError.Eacces or LinuxError.Eperm } => new(ErrorKind.AccessDenied, "access denied", path, error)
        {
            Remedy = Remedy.Advice("Check the file's permissions and whether it is read-only."),
        },
        IOException { HResult: WindowsSharingViolation or WindowsLockViolation }
            => new(ErrorKind.ImageInUse, "the file is in use by another process", path, error),
        IOException { HResult: LinuxError.Enospc or LinuxError.Edquot or WindowsDiskFull or WindowsHandleDiskFull }
            => new(ErrorKind.NotEnoughSpace, "the disk is full", path, error)
            {
                Remedy = Remedy.Advice("Free space on the volume and run the command again."),
            },
        IOException { HResult: LinuxError.Efbig }
            => new(ErrorKind.NotEnoughSpace, "the file system, or a limit on this process, does not allow a file this large", path, error),
        IOException { HResult: LinuxError.Erofs }
            => new(ErrorKind.AccessDenied, "the file system is read-only", path, error),
        IOException { HResult: LinuxError.Eio or WindowsCrc or WindowsIoDevice }
            => new(ErrorKind.AccessDenied, "the device reported an I/O error", path, error)
            {
                Remedy = Remedy.Advice("The system's log says more; the disk, or the way to it, may be failing."),
            },
        _ => new(ErrorKind.AccessDenied, "the system reported: " + error.Message.TrimEnd('.'), path, error),
    };

    /// <summary>A path in full.</summary>
    /// <exception cref="DiskImageException">ImageNotFound where no file can have such a path on this system.</exception>
    internal static string FullPath(string path)
    {
        try
        {
            return Path.GetFullPath(path);
        }
        catch (Exception error) when (error is (ArgumentException and not ArgumentNullException) or NotSupportedException)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, "the path is not valid on this system", path, error);
        }
        catch (IOException error)
        {
            throw Translate(error, path);
        }
    }

    /// <summary>What was written before a flush that failed may be lost although it still reads well: from the cache.</summary>
    internal static DiskImageException FlushFailed(Exception error, string path)
    {
        DiskImageException reported = Translate(error, path);
        return new(reported.Kind, $"{reported.Rule}, and what was written last may not have reached the disk", path, error) { Remedy = reported.Remedy };
    }
}
