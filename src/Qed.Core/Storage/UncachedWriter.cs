using System;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>
/// Writes past the page cache. A converted image is flushed to disk before it gets its name anyway: through the
/// cache its gigabytes would be copied once more and drive everything else out of memory.
/// </summary>
internal sealed unsafe class UncachedWriter : IDisposable
{
    private readonly SafeFileHandle _handle;

    private UncachedWriter(SafeFileHandle handle) => _handle = handle;

    /// <summary>Opens a file that is open already once more; null where the file system or host has no such thing.</summary>
    internal static UncachedWriter? TryOpen(string path)
    {
        if (HostPlatform.IsWindows)
            return WindowsOpening.TryOpenUncached(path) is { } uncached ? new UncachedWriter(uncached) : null;
        if (!HostPlatform.IsLinux)
            return null;
        SafeFileHandle handle = LinuxNative.Open(
            LinuxNative.NullTerminated(path), LinuxNative.OpenReadWrite | LinuxNative.OpenCloseOnExec | LinuxNative.OpenDirect);
        if (!handle.IsInvalid)
            return new UncachedWriter(handle);
        handle.Dispose();
        return null;
    }

    /// <summary>Writes what is aligned as uncached I/O demands.</summary>
    /// <returns>False, where it is not or the write fails: the cached write that then follows reports why.</returns>
    internal bool TryWrite(long offset, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            if (buffer.IsEmpty || (((ulong)start | (ulong)offset | (uint)buffer.Length) & (AlignedBuffer.Alignment - 1)) != 0)
                return false;
            for (int done = 0; done < buffer.Length;)
            {
                nint written = HostPlatform.IsWindows
                    ? WindowsHandle.Write(_handle, start + done, buffer.Length - done, offset + done, out int count) == WindowsError.None ? count : -1
                    : LinuxNative.PWrite(_handle, start + done, buffer.Length - done, offset + done);
                if (written <= 0 || written % AlignedBuffer.Alignment != 0)
                    return false;
                done += (int)written;
            }

            return true;
        }
    }

    public void Dispose() => _handle.Dispose();
}
