using System.IO;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>What a name of the file system stands for, numbered as in Linux's st_mode.</summary>
internal enum FileType
{
    None = 0,
    Pipe = 0x1000,
    CharacterDevice = 0x2000,
    Folder = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    Link = 0xa000,
    Socket = 0xc000,
}

/// <summary>What paths lead to, and what users call it.</summary>
internal static class FileTypes
{
    /// <summary>What a path leads to, links followed; none where there is nothing.</summary>
    internal static FileType Of(string path)
    {
        if (HostPlatform.IsLinux)
            return LinuxStatus.Of(path)?.Type ?? FileType.None;
        if (HostPlatform.IsWindows)
            return WindowsFile.TypeOf(path, WindowsNames.System);
        return Directory.Exists(path) ? FileType.Folder : File.Exists(path) ? FileType.Regular : FileType.None;
    }

    /// <summary>Whether a path leads to a named pipe, which is read or written as a stream and can hold no disk image.</summary>
    internal static bool IsPipe(string path) => Of(StorageErrors.FullPath(path)) == FileType.Pipe;

    /// <summary>The name with its article.</summary>
    internal static string Describe(this FileType type) => type switch
    {
        FileType.Pipe => "a named pipe",
        FileType.CharacterDevice => "a character device",
        FileType.Folder => "a folder",
        FileType.BlockDevice => "a block device",
        FileType.Link => "a symbolic link",
        FileType.Socket => "a socket",
        _ => "a file",
    };
}
