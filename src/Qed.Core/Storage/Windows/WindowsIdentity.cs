using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;

namespace Qed.Storage.Windows;

/// <summary>
/// Which file of Windows a file is. Two files are never taken for one: a volume's copies, as shadow copies are, have its
/// number and all file numbers in common, so the volume's device belongs to them; and where a server gives no file numbers
/// the final path is all there is.
/// </summary>
internal static class WindowsIdentity
{
    private const uint WithDevice = 2;
    private const string Redirector = @"\Device\Mup\";

    /// <returns>Null where there is no such file.</returns>
    internal static FileIdentity? Of(string path)
    {
        if (WindowsFile.TypeOf(path, WindowsNames.System) == FileType.None)
            return null;
        try
        {
            // Without any access, so that nobody who has it open is in the way, nor this in theirs.
            string place = WindowsPath.FormOf(path) == WindowsPathForm.Disk ? path.TrimEnd('\\') : path;
            using var handle = WindowsOpening.Open(place, 0, FileShare.ReadWrite | FileShare.Delete, WindowsNative.FlagBackupSemantics);
            return Of(new WindowsHandle(handle), path);
        }
        catch (IOException)
        {
            return ByName(path);
        }
    }

    /// <summary>The disks that a volume lies on.</summary>
    /// <returns>Nothing for what is no volume.</returns>
    internal static IReadOnlyCollection<FileIdentity> Beneath(string path)
    {
        if (WindowsPath.FormOf(path) != WindowsPathForm.Disk || WindowsPath.IsWholeDisk(path))
            return [];
        try
        {
            using var handle = WindowsOpening.Open(path.TrimEnd('\\'), 0, FileShare.ReadWrite | FileShare.Delete);
            return WindowsDisk.Beneath(new WindowsHandle(handle));
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>The identity of an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">The full path that it was opened by.</param>
    internal static FileIdentity Of(IWindowsHandle file, string path)
    {
        // Of a file this would be answered for its volume.
        if (WindowsPath.FormOf(path) == WindowsPathForm.Disk)
            return WindowsDisk.IdentityOf(file) ?? ByName(path.TrimEnd('\\').ToUpperInvariant());
        string? final = file.FinalPath(WithDevice);
        string device = DeviceOf(final) ?? WindowsPath.RootOf(WindowsPath.WithoutPrefix(path))?.ToUpperInvariant() ?? string.Empty;
        Span<byte> id = stackalloc byte[24];
        if (file.Query(WindowsControl.IdInfo, id) == WindowsError.None)
        {
            ulong low = BinaryPrimitives.ReadUInt64LittleEndian(id.Slice(8));
            ulong high = BinaryPrimitives.ReadUInt64LittleEndian(id.Slice(16));
            if ((low | high) != 0 && (low & high) != ulong.MaxValue)
                return new FileIdentity(BinaryPrimitives.ReadUInt64LittleEndian(id), low, device) { High = high };
        }

        Span<byte> basics = stackalloc byte[52];
        if (file.QueryBasics(basics) == WindowsError.None)
        {
            ulong index = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(basics.Slice(44)) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(basics.Slice(48));
            // Servers and drivers without numbers give none of these.
            if (index is not (0 or ulong.MaxValue))
                return new FileIdentity(BinaryPrimitives.ReadUInt32LittleEndian(basics.Slice(28)), index, device);
        }

        return ByName(final ?? path);
    }

    private static FileIdentity ByName(string path) => new(0, 0, path);

    /// <summary>The volume of <c>\Device\HarddiskVolume3\folder\file</c>, or the share of one on a server.</summary>
    private static string? DeviceOf(string? final)
    {
        if (final is null)
            return null;
        string[] parts = final.Split('\\');
        int count = final.StartsWith(Redirector, StringComparison.OrdinalIgnoreCase) ? 5 : 3;
        return parts.Length <= count ? final.ToUpperInvariant() : string.Join("\\", parts, 0, count).ToUpperInvariant();
    }
}
