using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Tests.Support;

/// <summary>Files that are holes where nothing is written. Windows has to be told so of each, or would fill them with zeroes.</summary>
internal static class SparseFile
{
    private const uint SetSparse = 0x900C4;

    /// <summary>Makes a file that is one hole.</summary>
    internal static FileStream Create(string path, long length)
    {
        FileStream file = File.Create(path);
        Mark(file.SafeFileHandle);
        file.SetLength(length);
        return file;
    }

    /// <summary>Lets a file have holes from now on.</summary>
    internal static void Mark(SafeFileHandle file)
    {
        // Wine ignores it.
        if (OperatingSystem.IsWindows())
            _ = DeviceIoControl(file, SetSparse, 0, 0, 0, 0, out _, 0);
    }

    /// <summary>Whether a file's holes can be told from zeroes.</summary>
    internal static bool HasHoles => !Wine.IsHere;

    /// <summary>Skips the test where they cannot.</summary>
    internal static void RequireHoles() => Wine.CannotShow("no file has holes");

    [DllImport("kernel32", SetLastError = true)]
    private static extern bool DeviceIoControl(SafeFileHandle file, uint code, nint input, int inputLength, nint output, int outputLength, out int returned, nint overlapped);
}
