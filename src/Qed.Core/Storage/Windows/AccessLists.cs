namespace Qed.Storage.Windows;

/// <summary>Who may use a file, as a security descriptor with a list of those who may.</summary>
internal static class AccessLists
{
    private const uint ListOnly = 4;

    /// <returns>Null where the file system has no such lists, or the system does not tell.</returns>
    internal static byte[]? Of(string path)
    {
        string extended = WindowsPath.Extended(path);
        if (WindowsNative.GetFileSecurity(extended, ListOnly, null, 0, out int size) || size <= 0)
            return null;
        byte[] descriptor = new byte[size];
        return WindowsNative.GetFileSecurity(extended, ListOnly, descriptor, size, out _) ? descriptor : null;
    }

    /// <returns>False where the system does not let it be so.</returns>
    internal static bool TryGive(string path, byte[] descriptor) => WindowsNative.SetFileSecurity(WindowsPath.Extended(path), ListOnly, descriptor);
}
