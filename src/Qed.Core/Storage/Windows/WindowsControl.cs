namespace Qed.Storage.Windows;

/// <summary>The numbers of what file systems and devices are asked for (winioctl.h), and of the classes of information (winbase.h).</summary>
internal static class WindowsControl
{
    internal const uint SetCompression = 0x0009C040;
    internal const uint SetSparse = 0x000900C4;
    internal const uint SetZeroData = 0x000980C8;
    internal const uint QueryAllocatedRanges = 0x000940CF;
    internal const uint DuplicateExtents = 0x00098344;
    internal const uint GetIntegrity = 0x0009027C;
    internal const uint SetIntegrity = 0x0009C280;
    internal const uint LockVolume = 0x00090018;
    internal const uint DismountVolume = 0x00090020;
    internal const uint AllowExtendedAccess = 0x00090083;
    internal const uint GetVolumeDiskExtents = 0x00560000;
    internal const uint GetDiskLength = 0x0007405C;
    internal const uint GetDiskGeometry = 0x00070000;
    internal const uint GetDeviceNumber = 0x002D1080;
    internal const uint IsDiskWritable = 0x00070024;
    internal const uint UpdateProperties = 0x00070140;

    internal const int BasicInfo = 0;
    internal const int StandardInfo = 1;
    internal const int AllocationInfo = 5;
    internal const int EndOfFileInfo = 6;
    internal const int CompressionInfo = 8;
    internal const int IdInfo = 18;
}
