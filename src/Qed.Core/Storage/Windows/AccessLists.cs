namespace Qed.Storage.Windows;

/// <summary>Who may use a file, as a security descriptor with a list of those who may.</summary>
internal static class AccessLists
{
    private const uint ListOnly = 4;

    // The second byte of SECURITY_DESCRIPTOR_CONTROL: SE_DACL_AUTO_INHERIT_REQ, _AUTO_INHERITED and _PROTECTED.
    private const int ControlAt = 3;
    private const byte KeepInherited = 0x01;
    private const byte IsInherited = 0x04;
    private const byte IsProtected = 0x10;

    /// <returns>Null where the file system has no such lists, or the system does not tell.</returns>
    internal static byte[]? Of(string path)
    {
        string extended = WindowsPath.Extended(path);
        if (WindowsNative.GetFileSecurity(extended, ListOnly, null, 0, out int size) || size <= 0)
            return null;
        byte[] descriptor = new byte[size];
        return WindowsNative.GetFileSecurity(extended, ListOnly, descriptor, size, out _) ? descriptor : null;
    }

    /// <summary>The same, so that nothing that a folder hands down is added to it.</summary>
    internal static byte[] Protected(byte[] descriptor)
    {
        byte[] copy = (byte[])descriptor.Clone();
        copy[ControlAt] |= IsProtected;
        return copy;
    }

    /// <returns>False where the system does not let it be so.</returns>
    internal static bool TryGive(string path, byte[] descriptor)
    {
        byte[] given = (byte[])descriptor.Clone();
        // What the folder hands down later reaches only a list that is marked for it, and the mark has to be asked for.
        if ((given[ControlAt] & IsInherited) != 0)
            given[ControlAt] |= KeepInherited;
        return WindowsNative.SetFileSecurity(WindowsPath.Extended(path), ListOnly, given);
    }
}
