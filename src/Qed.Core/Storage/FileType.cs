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

/// <summary>What users call them.</summary>
internal static class FileTypeNames
{
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
