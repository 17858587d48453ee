using System;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>
/// Positional reads and writes for .NET Framework, which has no RandomAccess: pread and pwrite on Linux, ReadFile and
/// WriteFile with an offset on Windows. The stream is only the opener and owner of the handle; its position is never used.
/// </summary>
internal sealed unsafe class PositionalIo : IDisposable
{
    // Windows takes 32-bit lengths and Linux cuts a transfer at 2 GiB - 4 KiB: both are served in smaller parts.
    private const int LargestTransfer = 1 << 30;
    private const int ErrorHandleEof = 38;
    private const int Eintr = 4;

    private readonly FileStream _stream;

    private PositionalIo(FileStream stream)
    {
        _stream = stream;
        Handle = stream.SafeFileHandle;
    }

    internal SafeFileHandle Handle { get; }

    internal static PositionalIo Open(string path, FileMode mode, FileAccess access, FileShare share)
        => new(new FileStream(path, mode, access, share, bufferSize: 1));

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    internal int Read(long offset, Span<byte> buffer)
    {
        int total = 0;
        fixed (byte* start = buffer)
        {
            while (total < buffer.Length)
            {
                int read = ReadOnce(start + total, Math.Min(buffer.Length - total, LargestTransfer), offset + total);
                if (read == 0)
                    break;
                total += read;
            }
        }

        return total;
    }

    internal void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        int total = 0;
        fixed (byte* start = buffer)
        {
            while (total < buffer.Length)
                total += WriteOnce(start + total, Math.Min(buffer.Length - total, LargestTransfer), offset + total);
        }
    }

    internal void SetLength(long length)
    {
        if (HostPlatform.IsLinux)
        {
            while (LinuxNative.FTruncate(Handle, length) != 0)
                ThrowUnlessInterrupted();
            return;
        }

        // The file pointer is process state of this handle; only SetLength uses it.
        lock (_stream)
        {
            if (!WindowsNative.SetFilePointerEx(Handle, length, IntPtr.Zero, 0) || !WindowsNative.SetEndOfFile(Handle))
                throw LastError();
        }
    }

    internal long GetLength()
    {
        if (HostPlatform.IsLinux)
            return LinuxNative.LSeek(Handle, 0, LinuxNative.SeekEnd);
        return WindowsNative.GetFileSizeEx(Handle, out long length) ? length : throw LastError();
    }

    internal void Flush()
    {
        if (HostPlatform.IsLinux)
        {
            while (LinuxNative.FSync(Handle) != 0)
                ThrowUnlessInterrupted();
        }
        else if (!WindowsNative.FlushFileBuffers(Handle))
        {
            throw LastError();
        }
    }

    public void Dispose() => _stream.Dispose();

    private int ReadOnce(byte* buffer, int count, long offset)
    {
        if (HostPlatform.IsLinux)
        {
            nint read;
            while ((read = LinuxNative.PRead(Handle, buffer, count, offset)) < 0)
                ThrowUnlessInterrupted();
            return (int)read;
        }

        NativeOverlapped at = At(offset);
        if (WindowsNative.ReadFile(Handle, buffer, count, out int done, &at))
            return done;
        return Marshal.GetLastWin32Error() == ErrorHandleEof ? 0 : throw LastError();
    }

    private int WriteOnce(byte* buffer, int count, long offset)
    {
        if (HostPlatform.IsLinux)
        {
            nint written;
            while ((written = LinuxNative.PWrite(Handle, buffer, count, offset)) < 0)
                ThrowUnlessInterrupted();
            return (int)written;
        }

        NativeOverlapped at = At(offset);
        return WindowsNative.WriteFile(Handle, buffer, count, out int done, &at) ? done : throw LastError();
    }

    private static NativeOverlapped At(long offset)
        => new() { OffsetLow = (int)offset, OffsetHigh = (int)(offset >> 32) };

    private static void ThrowUnlessInterrupted()
    {
        if (Marshal.GetLastWin32Error() != Eintr)
            throw LastError();
    }

    private static IOException LastError()
    {
        int code = Marshal.GetLastWin32Error();
        string message = new Win32Exception(code).Message;
        return new IOException(message, HostPlatform.IsLinux ? code : unchecked((int)0x80070000) | code);
    }
}
