using System;
using System.Buffers;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage.Windows;

/// <summary>
/// The system itself. Handles are opened for overlapped requests, of which each waits for its own end: on any other handle
/// Windows lets one request of a file wait for the other.
/// </summary>
internal sealed unsafe class WindowsHandle(SafeFileHandle handle) : IWindowsHandle
{
    private const int LongestPath = 1 << 15;

    // Signalled by the system at the end of a request; a thread waits for one at a time.
    [ThreadStatic]
    private static ManualResetEvent? end;

    public int Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returned)
    {
        fixed (byte* from = input)
        fixed (byte* to = output)
        {
            NativeOverlapped request = At(0);
            bool done = WindowsNative.DeviceIoControl(handle, code, from, input.Length, to, output.Length, out returned, &request);
            return Wait(handle, done, &request, ref returned);
        }
    }

    public int Query(int informationClass, Span<byte> information)
    {
        fixed (byte* start = information)
            return WindowsNative.GetFileInformationByHandleEx(handle, informationClass, start, information.Length) ? 0 : Marshal.GetLastWin32Error();
    }

    public int QueryBasics(Span<byte> information)
    {
        fixed (byte* start = information)
            return WindowsNative.GetFileInformationByHandle(handle, start) ? 0 : Marshal.GetLastWin32Error();
    }

    public int Set(int informationClass, ReadOnlySpan<byte> information)
    {
        fixed (byte* start = information)
            return WindowsNative.SetFileInformationByHandle(handle, informationClass, start, information.Length) ? 0 : Marshal.GetLastWin32Error();
    }

    public string? FinalPath(uint kind)
    {
        char[] buffer = ArrayPool<char>.Shared.Rent(LongestPath);
        try
        {
            fixed (char* start = buffer)
            {
                uint length = WindowsNative.GetFinalPathNameByHandle(handle, start, (uint)buffer.Length, kind);
                return length == 0 || length >= buffer.Length ? null : new string(buffer, 0, (int)length);
            }
        }
        finally
        {
            ArrayPool<char>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads once at an offset.</summary>
    /// <returns>The system's error; at the end of the file none, and nothing done.</returns>
    internal static int Read(SafeFileHandle handle, byte* buffer, int count, long offset, out int done)
    {
        NativeOverlapped request = At(offset);
        bool isDone = WindowsNative.ReadFile(handle, buffer, count, out done, &request);
        int error = Wait(handle, isDone, &request, ref done);
        if (error != WindowsError.HandleEof)
            return error;
        done = 0;
        return WindowsError.None;
    }

    /// <summary>Writes once at an offset.</summary>
    internal static int Write(SafeFileHandle handle, byte* buffer, int count, long offset, out int done)
    {
        NativeOverlapped request = At(offset);
        bool isDone = WindowsNative.WriteFile(handle, buffer, count, out done, &request);
        return Wait(handle, isDone, &request, ref done);
    }

    private static int Wait(SafeFileHandle handle, bool isDone, NativeOverlapped* request, ref int count)
    {
        int error = isDone ? WindowsError.None : Marshal.GetLastWin32Error();
        if (error != WindowsError.IoPending)
            return error;
        return WindowsNative.GetOverlappedResult(handle, request, out count, wait: true) ? WindowsError.None : Marshal.GetLastWin32Error();
    }

    private static NativeOverlapped At(long offset) => new()
    {
        OffsetLow = (int)offset,
        OffsetHigh = (int)(offset >> 32),
        EventHandle = (end ??= new ManualResetEvent(false)).SafeWaitHandle.DangerousGetHandle(),
    };
}
