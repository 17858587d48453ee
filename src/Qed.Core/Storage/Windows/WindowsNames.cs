using System.Runtime.InteropServices;

namespace Qed.Storage.Windows;

/// <summary>The system itself.</summary>
internal sealed class WindowsNames : IWindowsNames
{
    private const uint ReplaceExisting = 1;
    private const uint WriteThrough = 8;

    internal static readonly WindowsNames System = new();

    public int Move(string from, string to, bool replace)
        => WindowsNative.MoveFileEx(WindowsPath.Extended(from), WindowsPath.Extended(to), WriteThrough | (replace ? ReplaceExisting : 0))
            ? WindowsError.None : Marshal.GetLastWin32Error();

    public int Delete(string path) => WindowsNative.DeleteFile(WindowsPath.Extended(path)) ? WindowsError.None : Marshal.GetLastWin32Error();

    public uint? AttributesOf(string path)
    {
        uint attributes = WindowsNative.GetFileAttributes(WindowsPath.Extended(path));
        if (attributes != WindowsNative.NoAttributes)
            return attributes;
        bool isAbsent = Marshal.GetLastWin32Error() is not (WindowsError.SharingViolation or WindowsError.AccessDenied);
        return isAbsent ? null : 0;
    }
}
