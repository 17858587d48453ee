using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>
/// The system's own calls on an open file, each of whose errors is an <see cref="IOException"/> with the system's code.
/// .NET only opens: it says nothing of a flush that failed, and calls a file that is too large for its file system a bad
/// argument.
/// </summary>
internal sealed unsafe class PositionalIo : IDisposable
{
    // Windows takes 32-bit lengths and Linux cuts a transfer at 2 GiB - 4 KiB: both are served in smaller parts.
    private const int LargestTransfer = 1 << 30;

    private readonly IDisposable _owner;
    private readonly SectorIo? _sectors;
    private readonly long _fixedLength;

    /// <summary>Takes over an open file.</summary>
    internal PositionalIo(SafeFileHandle handle)
        : this(handle, handle)
    {
    }

    private PositionalIo(IDisposable owner, SafeFileHandle handle)
    {
        _owner = owner;
        Handle = handle;
    }

    /// <summary>Takes over an open disk or volume of Windows.</summary>
    /// <param name="owner">What is closed at the end, the handle with it.</param>
    /// <param name="handle">The disk or volume.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="sectorSize">Bytes of a sector: it takes whole ones only.</param>
    internal PositionalIo(IDisposable owner, SafeFileHandle handle, long length, int sectorSize)
        : this(owner, handle)
    {
        _fixedLength = length;
        _sectors = new SectorIo(sectorSize, ReadPlain, WritePlain);
    }

    internal SafeFileHandle Handle { get; }

    internal bool IsClosed => Handle.IsClosed;

    /// <summary>Bytes of a sector where only whole ones are taken, as of a disk of Windows.</summary>
    internal int? SectorSize => _sectors?.SectorSize;

    /// <summary>Opens what exists.</summary>
    /// <exception cref="IOException">The system refuses, or, of an exception of .NET's own, <see cref="UnauthorizedAccessException"/>.</exception>
    internal static PositionalIo Open(string path, FileAccess access, FileShare share)
        => HostPlatform.IsWindows ? new PositionalIo(WindowsOpening.Open(path, access, share)) : Open(path, FileMode.Open, access, share);

    /// <summary>Creates a file that must not exist yet, for reading and writing.</summary>
    /// <exception cref="IOException">As of <see cref="Open(string, FileAccess, FileShare)"/>.</exception>
    internal static PositionalIo Create(string path, FileShare share) => Open(path, FileMode.CreateNew, FileAccess.ReadWrite, share);

    private static PositionalIo Open(string path, FileMode mode, FileAccess access, FileShare share)
    {
#if NET
        SafeFileHandle handle = File.OpenHandle(path, mode, access, share);
        return new PositionalIo(handle, handle);
#else
        // Only the opener and owner of the handle: its position is never used.
        var stream = new FileStream(path, mode, access, share, bufferSize: 1);
        return new PositionalIo(stream, stream.SafeFileHandle);
#endif
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    internal int Read(long offset, Span<byte> buffer) => _sectors is null ? ReadPlain(offset, buffer) : _sectors.Read(offset, Within(offset, buffer));

    internal void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        if (_sectors is null)
            WritePlain(offset, buffer);
        else
            _sectors.Write(offset, buffer);
    }

    private int ReadPlain(long offset, Span<byte> buffer)
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

    private void WritePlain(long offset, ReadOnlySpan<byte> buffer)
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
        if (!HostPlatform.IsWindows)
        {
            while (LinuxNative.FTruncate(Handle, length) != 0)
                ThrowUnlessInterrupted();
            return;
        }

        Require(new WindowsHandle(Handle).Set(WindowsControl.EndOfFileInfo, BitConverter.GetBytes(length)));
    }

    internal long GetLength()
    {
        if (_sectors is not null)
            return _fixedLength;
        if (HostPlatform.IsWindows)
            return WindowsNative.GetFileSizeEx(Handle, out long size) ? size : throw SystemError.Last();
        if (HostPlatform.IsLinux && LinuxStatus.Of(Handle) is { Type: FileType.Regular } status)
            return (long)status.Size;
        long length = LinuxNative.LSeek(Handle, 0, LinuxNative.SeekEnd);
        return length >= 0 ? length : throw SystemError.Last();
    }

    /// <summary>Returns once everything written is on stable storage, or where a file of this kind cannot be flushed.</summary>
    /// <param name="withTimes">Whether the file's times belong to that, without which the bytes are found as well.</param>
    /// <exception cref="IOException">The system could not write it: what it had not written yet may be lost.</exception>
    internal void Flush(bool withTimes = true)
    {
        if (HostPlatform.IsWindows)
        {
            if (!WindowsNative.FlushFileBuffers(Handle))
                throw SystemError.Last();
            return;
        }

        while ((withTimes ? LinuxNative.FSync(Handle) : LinuxNative.FDataSync(Handle)) != 0)
        {
            if (SystemError.IsNotSupported(Marshal.GetLastWin32Error()))
                return;
            ThrowUnlessInterrupted();
        }
    }

    public void Dispose() => _owner.Dispose();

    /// <summary>A disk does not say where it ends: reading there is an error.</summary>
    private Span<byte> Within(long offset, Span<byte> buffer) => buffer.Slice(0, (int)Math.Max(0, Math.Min(buffer.Length, _fixedLength - offset)));

    private int ReadOnce(byte* buffer, int count, long offset)
    {
        if (!HostPlatform.IsWindows)
        {
            nint read;
            while ((read = LinuxNative.PRead(Handle, buffer, count, offset)) < 0)
                ThrowUnlessInterrupted();
            return (int)read;
        }

        Require(WindowsHandle.Read(Handle, buffer, count, offset, out int done));
        return done;
    }

    private int WriteOnce(byte* buffer, int count, long offset)
    {
        if (!HostPlatform.IsWindows)
        {
            nint written;
            while ((written = LinuxNative.PWrite(Handle, buffer, count, offset)) < 0)
                ThrowUnlessInterrupted();
            return written > 0 ? (int)written : throw new IOException("The system wrote nothing and named no error.");
        }

        Require(WindowsHandle.Write(Handle, buffer, count, offset, out int done));
        return done > 0 ? done : throw new IOException("The system wrote nothing and named no error.");
    }

    /// <summary>Throws the error of a call of Windows, if there is one.</summary>
    private static void Require(int error)
    {
        if (error != WindowsError.None)
            throw SystemError.OfWindows(error);
    }

    private static void ThrowUnlessInterrupted()
    {
        if (Marshal.GetLastWin32Error() != LinuxError.Eintr)
            throw SystemError.Last();
    }
}
