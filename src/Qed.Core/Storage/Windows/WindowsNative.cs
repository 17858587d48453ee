using System;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage.Windows;

/// <summary>The Windows calls that .NET does not offer, or whose errors it does not report. Paths are as <see cref="WindowsPath.Extended"/> gives them.</summary>
internal static unsafe class WindowsNative
{
    internal const uint NoAttributes = uint.MaxValue;
    internal const uint GenericRead = 0x80000000;
    internal const uint GenericWrite = 0x40000000;
    internal const uint CreateNew = 1;
    internal const uint OpenExisting = 3;
    internal const uint FlagOverlapped = 0x40000000;
    internal const uint FlagNoBuffering = 0x20000000;
    internal const uint FlagBackupSemantics = 0x02000000;

    [DllImport("kernel32", EntryPoint = "CreateFileW", CharSet = CharSet.Unicode, SetLastError = true)]
    internal static extern SafeFileHandle CreateFile(
        string path, uint access, uint share, SecurityAttributes* security, uint mode, uint flags, IntPtr template);

    [DllImport("kernel32", EntryPoint = "MoveFileExW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool MoveFileEx(string from, string to, uint flags);

    [DllImport("kernel32", EntryPoint = "DeleteFileW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool DeleteFile(string path);

    [DllImport("kernel32", EntryPoint = "GetFileAttributesW", CharSet = CharSet.Unicode, SetLastError = true)]
    internal static extern uint GetFileAttributes(string path);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool SetThreadErrorMode(uint mode, out uint old);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool ReadFile(
        SafeFileHandle file, byte* buffer, int count, out int done, NativeOverlapped* position);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool WriteFile(
        SafeFileHandle file, byte* buffer, int count, out int done, NativeOverlapped* position);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool GetOverlappedResult(
        SafeFileHandle file, NativeOverlapped* request, out int done, [MarshalAs(UnmanagedType.Bool)] bool wait);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool GetFileSizeEx(SafeFileHandle file, out long length);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool FlushFileBuffers(SafeFileHandle file);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool DeviceIoControl(
        SafeFileHandle file, uint code, void* input, int inputSize, void* output, int outputSize, out int returned, NativeOverlapped* request);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool GetFileInformationByHandle(SafeFileHandle file, void* information);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool GetFileInformationByHandleEx(SafeFileHandle file, int informationClass, void* information, int size);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool SetFileInformationByHandle(SafeFileHandle file, int informationClass, void* information, int size);

    [DllImport("kernel32", EntryPoint = "GetFinalPathNameByHandleW", SetLastError = true)]
    internal static extern uint GetFinalPathNameByHandle(SafeFileHandle file, char* path, uint length, uint flags);

    [DllImport("advapi32", EntryPoint = "GetFileSecurityW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool GetFileSecurity(string path, uint which, byte[]? descriptor, int size, out int needed);

    [DllImport("advapi32", EntryPoint = "SetFileSecurityW", CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    internal static extern bool SetFileSecurity(string path, uint which, byte[] descriptor);

    /// <summary>SECURITY_ATTRIBUTES.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct SecurityAttributes
    {
        internal int Size;
        internal byte* Descriptor;
        internal int IsInherited;
    }
}
