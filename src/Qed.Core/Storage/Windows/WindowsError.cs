namespace Qed.Storage.Windows;

/// <summary>The numbers of Windows' errors (winerror.h).</summary>
internal static class WindowsError
{
    internal const int None = 0;
    internal const int InvalidFunction = 1;
    internal const int FileNotFound = 2;
    internal const int PathNotFound = 3;
    internal const int AccessDenied = 5;
    internal const int InvalidDrive = 15;
    internal const int WriteProtect = 19;
    internal const int NotReady = 21;
    internal const int Crc = 23;
    internal const int SectorNotFound = 27;
    internal const int SharingViolation = 32;
    internal const int LockViolation = 33;
    internal const int HandleEof = 38;
    internal const int HandleDiskFull = 39;
    internal const int NotSupported = 50;
    internal const int NoNetworkPath = 53;
    internal const int NoSuchDevice = 55;
    internal const int NameDeleted = 64;
    internal const int NetworkAccessDenied = 65;
    internal const int NoNetworkName = 67;
    internal const int FileExists = 80;
    internal const int InvalidParameter = 87;
    internal const int DiskFull = 112;
    internal const int InvalidName = 123;
    internal const int BadPathName = 161;
    internal const int AlreadyExists = 183;
    internal const int NameTooLong = 206;
    internal const int FileTooLarge = 223;
    internal const int MoreData = 234;
    internal const int InvalidDirectory = 267;
    internal const int IoPending = 997;
    internal const int IoDevice = 1117;
    internal const int NotConnected = 1167;
    internal const int UnableToRemoveReplaced = 1175;
    internal const int UnableToMoveReplacement = 1176;
    internal const int UnableToMoveReplacementSecond = 1177;
    internal const int NetworkUnreachable = 1231;
    internal const int HostUnreachable = 1232;
    internal const int DiskQuotaExceeded = 1295;
}
