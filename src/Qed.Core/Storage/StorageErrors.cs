using System;
using System.IO;
using Qed.Storage.Windows;
using static Qed.Invariant;

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
    private const string NotValid = "the path is not valid on this system";
    private const int WindowsErrors = unchecked((int)0x80070000);

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
                or WindowsErrors | WindowsError.NotReady or WindowsErrors | WindowsError.NoSuchDevice or WindowsErrors | WindowsError.NameDeleted
                or WindowsErrors | WindowsError.NotConnected or WindowsErrors | WindowsError.NoNetworkPath or WindowsErrors | WindowsError.NoNetworkName
                or WindowsErrors | WindowsError.NetworkUnreachable or WindowsErrors | WindowsError.HostUnreachable),
        };

    /// <summary>Whether an error says that others have the file open in a way that excludes the request (Windows).</summary>
    internal static bool IsShareConflict(IOException error)
        => error.HResult is (WindowsErrors | WindowsError.SharingViolation) or (WindowsErrors | WindowsError.LockViolation);

    /// <summary>A block device that does not hold what it is to hold.</summary>
    internal static DiskImageException DeviceTooSmall(string path, long needed, long room)
        => new(ErrorKind.NotEnoughSpace, $"the block device is full: {Text(needed)} bytes are needed, and it has {Text(room)}", path)
        {
            Remedy = Remedy.Advice("Make the device larger, or free space in the image by discarding, and run the command again."),
        };

    internal static DiskImageException Translate(Exception error, string path) => error switch
    {
        FileNotFoundException or IOException { HResult: LinuxError.Enoent } => new(ErrorKind.ImageNotFound, "no such file", path, error),
        DirectoryNotFoundException => new(ErrorKind.ImageNotFound, "no such folder", path, error),
        DriveNotFoundException => new(ErrorKind.ImageNotFound, "no such drive", path, error),
        PathTooLongException => new(ErrorKind.ImageNotFound, "the path is too long for this system", path, error),
        UnauthorizedAccessException
            or IOException { HResult: LinuxError.Eacces or LinuxError.Eperm or WindowsErrors | WindowsError.AccessDenied or WindowsErrors | WindowsError.NetworkAccessDenied } => new(ErrorKind.AccessDenied, "access denied", path, error)
        {
            Remedy = Remedy.Advice("Check the file's permissions and whether it is read-only."),
        },
        IOException { HResult: WindowsErrors | WindowsError.FileNotFound } => new(ErrorKind.ImageNotFound, "no such file", path, error),
        IOException { HResult: WindowsErrors | WindowsError.PathNotFound or WindowsErrors | WindowsError.InvalidDirectory }
            => new(ErrorKind.ImageNotFound, "no such folder", path, error),
        IOException { HResult: WindowsErrors | WindowsError.InvalidDrive } => new(ErrorKind.ImageNotFound, "no such drive", path, error),
        IOException { HResult: WindowsErrors | WindowsError.NameTooLong } => new(ErrorKind.ImageNotFound, "the path is too long for this system", path, error),
        IOException { HResult: WindowsErrors | WindowsError.InvalidName or WindowsErrors | WindowsError.BadPathName }
            => new(ErrorKind.ImageNotFound, NotValid, path, error),
        IOException
        {
            HResult: WindowsErrors | WindowsError.NoNetworkPath or WindowsErrors | WindowsError.NoNetworkName
                or WindowsErrors | WindowsError.NetworkUnreachable or WindowsErrors | WindowsError.HostUnreachable,
        }
            => new(ErrorKind.ImageNotFound, "the server or its share cannot be reached", path, error),
        IOException { HResult: WindowsErrors | WindowsError.FileExists or WindowsErrors | WindowsError.AlreadyExists }
            => new(ErrorKind.ImageExists, "a file of that name exists already", path, error),
        IOException conflict when IsShareConflict(conflict) => LockHolder.InUse(path, "the file is in use", error),
        IOException { HResult: WindowsErrors | WindowsError.DiskQuotaExceeded }
            => new(ErrorKind.NotEnoughSpace, "the quota of the volume is used up", path, error),
        IOException { HResult: LinuxError.Enospc or LinuxError.Edquot or WindowsErrors | WindowsError.DiskFull or WindowsErrors | WindowsError.HandleDiskFull }
            => new(ErrorKind.NotEnoughSpace, "the disk is full", path, error)
            {
                Remedy = Remedy.Advice("Free space on the volume and run the command again."),
            },
        IOException { HResult: LinuxError.Efbig or WindowsErrors | WindowsError.FileTooLarge }
            => new(ErrorKind.NotEnoughSpace, "the file system, or a limit on this process, does not allow a file this large", path, error),
        IOException { HResult: LinuxError.Erofs or WindowsErrors | WindowsError.WriteProtect }
            => new(ErrorKind.AccessDenied, "the file system is read-only", path, error),
        IOException { HResult: LinuxError.Eio or WindowsErrors | WindowsError.Crc or WindowsErrors | WindowsError.SectorNotFound or WindowsErrors | WindowsError.IoDevice }
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
        if (path is null)
            throw new ArgumentNullException(nameof(path));
        try
        {
            // Windows' own rules, and not .NET's: .NET Framework throws at long paths and at prefixes, and asks the system.
            return HostPlatform.IsWindows && WindowsPath.FormOf(path) != WindowsPathForm.OfDrive
                ? FullOnWindows(path, Environment.CurrentDirectory)
                : Path.GetFullPath(path);
        }
        catch (Exception error) when (error is (ArgumentException and not ArgumentNullException) or NotSupportedException)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, NotValid, path, error);
        }
        catch (IOException error)
        {
            throw Translate(error, path);
        }
    }

    /// <summary>A path in full, by the rules of Windows.</summary>
    /// <param name="path">A path of the user's.</param>
    /// <param name="folder">The current folder.</param>
    /// <returns>The path of a file or folder, or of a device as the system calls it.</returns>
    /// <exception cref="DiskImageException">ImageNotFound where nothing can have such a path, UnsupportedFeature for a stream of a file.</exception>
    internal static string FullOnWindows(string path, string folder)
    {
        if (path.Trim().Length == 0)
            throw new DiskImageException(ErrorKind.ImageNotFound, NotValid, path);
        if (WindowsPath.IsDevice(path))
            return path;
        // In every folder, and with every ending.
        if (WindowsPath.EndsInDevice(path))
            return $@"\\.\{WindowsPath.LastName(path)}";
        if (WindowsPath.TryResolve(path, folder, out string? fault) is { } full)
            return full;
        bool isStream = WindowsPath.IsStream(path);
        throw new DiskImageException(isStream ? ErrorKind.UnsupportedFeature : ErrorKind.ImageNotFound, isStream ? "the path " + fault : NotValid, path);
    }

    /// <summary>What was written before a flush that failed may be lost although it still reads well: from the cache.</summary>
    internal static DiskImageException FlushFailed(Exception error, string path)
    {
        DiskImageException reported = Translate(error, path);
        return new(reported.Kind, $"{reported.Rule}, and what was written last may not have reached the disk", path, error) { Remedy = reported.Remedy };
    }
}
