using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage.Windows;

/// <summary>Opens files and devices, for overlapped requests and by paths of any length.</summary>
internal static unsafe class WindowsOpening
{
    private const uint FailWithoutAsking = 1;

    /// <summary>How long ago a file may have been written that is believed to be held for a moment only.</summary>
    private static readonly TimeSpan JustNow = TimeSpan.FromSeconds(10);

    /// <summary>Opens what exists. One that was written just now, and is held by others, is waited for a little.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    internal static SafeFileHandle Open(string path, FileAccess access, FileShare share, uint flags = 0)
    {
        SafeFileHandle? handle = null;
        int error = Patience.Usual.Try(
            Patience.ForOpening,
            () => Try(path, access, share, null, WindowsNative.OpenExisting, flags, out handle),
            error => Patience.IsShareConflict(error) && (access & FileAccess.Write) != 0 && IsFresh(path) && !OwnFiles.Hold(path));
        return error == WindowsError.None ? handle! : throw SystemError.OfWindows(error);
    }

    /// <summary>Opens a file, which is open for writing already, once more for writing past the cache.</summary>
    /// <returns>Null where the system refuses.</returns>
    internal static SafeFileHandle? TryOpenUncached(string path)
    {
        Try(path, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, null, WindowsNative.OpenExisting, WindowsNative.FlagNoBuffering, out SafeFileHandle? handle);
        return handle;
    }

    /// <summary>Creates a file for reading and writing.</summary>
    /// <param name="path">Where there must not be one.</param>
    /// <param name="share">What others may do meanwhile.</param>
    /// <param name="privacy">Who may use it.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    internal static SafeFileHandle Create(string path, FileShare share, NewFilePrivacy privacy)
    {
        // Protected until it is given its own list: what the folder hands down must not be added to it.
        byte[]? descriptor = privacy.AccessList is { } list ? AccessLists.Protected(list) : null;
        int error = Try(path, FileAccess.ReadWrite, share, descriptor, WindowsNative.CreateNew, privacy.IsEncrypted ? WindowsFile.Encrypted : 0, out SafeFileHandle? handle);
        return error == WindowsError.None ? handle! : throw SystemError.OfWindows(error);
    }

    private static bool IsFresh(string path)
    {
        try
        {
            return IsFresh(File.GetLastWriteTimeUtc(path), DateTime.UtcNow);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // .NET Framework takes not all paths that the system does.
            return false;
        }
    }

    /// <summary>Whether a file that was written at one time may at another be held for a moment only.</summary>
    internal static bool IsFresh(DateTime written, DateTime now) => now - written < JustNow && written - now < JustNow;

    private static int Try(string path, FileAccess access, FileShare share, byte[]? security, uint mode, uint flags, out SafeFileHandle? handle)
    {
        uint wanted = ((access & FileAccess.Read) != 0 ? WindowsNative.GenericRead : 0) | ((access & FileAccess.Write) != 0 ? WindowsNative.GenericWrite : 0);
        // A drive without a medium is an error, not a question to whoever sits at the screen.
        bool isSet = WindowsNative.SetThreadErrorMode(FailWithoutAsking, out uint old);
        fixed (byte* descriptor = security)
        {
            var attributes = new WindowsNative.SecurityAttributes { Size = sizeof(WindowsNative.SecurityAttributes), Descriptor = descriptor };
            handle = WindowsNative.CreateFile(
                WindowsPath.Extended(path), wanted, (uint)share, security is null ? null : &attributes, mode, flags | WindowsNative.FlagOverlapped, IntPtr.Zero);
        }

        int error = handle.IsInvalid ? Marshal.GetLastWin32Error() : WindowsError.None;
        if (isSet)
            WindowsNative.SetThreadErrorMode(old, out _);
        if (error == WindowsError.None)
            return error;
        handle.Dispose();
        handle = null;
        return error;
    }
}
