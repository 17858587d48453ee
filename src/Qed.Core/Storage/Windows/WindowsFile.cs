using System;
using System.Buffers.Binary;
using System.IO;

namespace Qed.Storage.Windows;

/// <summary>What Windows' file systems know of a file besides its bytes. Each answer is believed only as far as it can be.</summary>
internal static class WindowsFile
{
    internal const uint Folder = 0x10;
    internal const uint Sparse = 0x200;
    internal const uint ReparsePoint = 0x400;
    internal const uint Compressed = 0x800;
    internal const uint Offline = 0x1000;
    internal const uint Encrypted = 0x4000;
    internal const uint RecallOnOpen = 0x40000;
    internal const uint RecallOnDataAccess = 0x400000;

    /// <summary>A file's attributes; null where the system does not tell.</summary>
    internal static uint? AttributesOf(IWindowsHandle file)
    {
        Span<byte> information = stackalloc byte[40];
        return file.Query(WindowsControl.BasicInfo, information) == WindowsError.None ? BinaryPrimitives.ReadUInt32LittleEndian(information.Slice(32)) : null;
    }

    /// <summary>How many names a file has; one where the system does not tell.</summary>
    internal static uint NamesOf(IWindowsHandle file)
    {
        Span<byte> basics = stackalloc byte[52];
        return file.QueryBasics(basics) == WindowsError.None ? BinaryPrimitives.ReadUInt32LittleEndian(basics.Slice(40)) : 1;
    }

    /// <summary>What a full path leads to.</summary>
    internal static FileType TypeOf(string path, IWindowsNames names)
    {
        switch (WindowsPath.FormOf(path))
        {
            case WindowsPathForm.Disk:
                return FileType.BlockDevice;
            case WindowsPathForm.Pipe:
                return FileType.Pipe;
            case WindowsPathForm.Device:
                return FileType.CharacterDevice;
            default:
                return names.AttributesOf(path) is not { } attributes ? FileType.None
                    : (attributes & Folder) != 0 ? FileType.Folder
                    : FileType.Regular;
        }
    }

    /// <summary>
    /// Whether what a file has no clusters for is zeroes. Of one that is deduplicated, kept in the cloud or packed by the system,
    /// the data lies elsewhere, and no document says what its driver answers to the question for data.
    /// </summary>
    internal static bool HasTrueHoles(uint attributes)
        => (attributes & Sparse) != 0 && (attributes & (ReparsePoint | Offline | RecallOnOpen | RecallOnDataAccess)) == 0;

    /// <summary>Bytes that a file takes up; null where the system does not tell.</summary>
    internal static long? AllocatedLength(IWindowsHandle file)
    {
        Span<byte> compression = stackalloc byte[16];
        Span<byte> standard = stackalloc byte[24];
        // What is sparse or compressed takes up less than what is set aside for it. Not every file system knows both.
        if (AttributesOf(file) is { } attributes && (attributes & (Sparse | Compressed)) != 0 && file.Query(WindowsControl.CompressionInfo, compression) == WindowsError.None)
            return BinaryPrimitives.ReadInt64LittleEndian(compression);
        return file.Query(WindowsControl.StandardInfo, standard) == WindowsError.None ? BinaryPrimitives.ReadInt64LittleEndian(standard) : null;
    }

    /// <summary>Lets a file have holes. A file system without them refuses, and the file is simply not sparse.</summary>
    /// <remarks>Without this NTFS writes out every byte between the old end of a file and a far write.</remarks>
    internal static void AllowHoles(IWindowsHandle file) => file.Control(WindowsControl.SetSparse, [], [], out _);

    /// <summary>
    /// Makes an empty file one that Windows can attach as a disk: neither sparse nor compressed, as one in a compressed folder
    /// is. Once there are holes in it clearing the flag is not always allowed.
    /// </summary>
    /// <exception cref="IOException">It still is one of them.</exception>
    internal static void MakePlain(IWindowsHandle file)
    {
        if (AttributesOf(file) is not { } attributes)
            return;
        if ((attributes & Sparse) != 0)
            Require(file.Control(WindowsControl.SetSparse, [0], [], out _));
        if ((attributes & Compressed) != 0)
            Require(file.Control(WindowsControl.SetCompression, [0, 0], [], out _));
        if (AttributesOf(file) is { } left && (left & (Sparse | Compressed)) != 0)
            Require(WindowsError.NotSupported);
    }

    private static void Require(int error)
    {
        if (error != WindowsError.None)
            throw SystemError.OfWindows(error);
    }
}
