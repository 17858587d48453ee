using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage.Windows;

/// <summary>
/// Keeps everybody else off a disk that is overwritten: each volume on it is locked, which succeeds only where nobody has
/// anything on it open, and then dismounted, so that nothing that the system holds of it in memory is written later.
/// </summary>
internal sealed class WindowsDiskClaim : IDisposable
{
    private readonly List<IWindowsVolume> _volumes;

    private WindowsDiskClaim(List<IWindowsVolume> volumes) => _volumes = volumes;

    /// <summary>Opens a disk or volume.</summary>
    /// <exception cref="DiskImageException">ImageInUse, as of <see cref="OfDisk"/>; AccessDenied where it is read-only.</exception>
    /// <exception cref="IOException">The system refuses.</exception>
    internal static PositionalIo Open(string path, bool forWriting)
    {
        SafeFileHandle handle = WindowsOpening.Open(path.TrimEnd('\\'), forWriting ? FileAccess.ReadWrite : FileAccess.Read, FileShare.ReadWrite);
        IDisposable owner = handle;
        try
        {
            var device = new WindowsHandle(handle);
            if (forWriting)
                owner = new OpenDisk(handle, Take(path, device, WindowsVolumes.System));
            else
                device.Control(WindowsControl.AllowExtendedAccess, [], [], out _);
            return new PositionalIo(owner, handle, WindowsDisk.LengthOf(device), WindowsDisk.SectorSizeOf(device));
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    /// <summary>Claims what is to be overwritten: a whole disk with all volumes on it, or a volume.</summary>
    /// <returns>What keeps it; null for a volume, which its own handle keeps.</returns>
    /// <exception cref="DiskImageException">As of <see cref="Open"/>.</exception>
    internal static WindowsDiskClaim? Take(string path, IWindowsHandle device, IWindowsVolumes volumes)
    {
        if (device.Control(WindowsControl.IsDiskWritable, [], [], out _) == WindowsError.WriteProtect)
            throw new DiskImageException(ErrorKind.AccessDenied, "the block device is read-only", path);
        if (!WindowsPath.IsWholeDisk(path))
        {
            TakeVolume(path, device);
            return null;
        }

        uint number = WindowsDisk.NumberOf(device)
            ?? throw new DiskImageException(ErrorKind.AccessDenied, "the system does not tell which volumes lie on this disk, so it is not overwritten", path);
        return OfDisk(path, number, volumes);
    }

    /// <summary>Claims a whole disk.</summary>
    /// <param name="path">What errors call it.</param>
    /// <param name="disk">Its number.</param>
    /// <param name="volumes">The system's volumes.</param>
    /// <exception cref="DiskImageException">ImageInUse, naming the volume: nothing was locked for good, and nothing written.</exception>
    internal static WindowsDiskClaim OfDisk(string path, uint disk, IWindowsVolumes volumes)
    {
        var claim = new WindowsDiskClaim([]);
        try
        {
            foreach (string name in volumes.All())
            {
                if (volumes.TryOpen(name) is not { } volume)
                    continue;
                if (!WindowsDisk.DisksOf(volume).Contains(disk))
                {
                    volume.Dispose();
                    continue;
                }

                claim._volumes.Add(volume);
                Lock(path, volume, volumes.FoldersOf(name));
            }

            // Only once all of them are known to be free.
            foreach (IWindowsVolume volume in claim._volumes)
                Dismount(path, volume);
            return claim;
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    /// <summary>Claims a volume by its own handle, which keeps it for as long as it is open.</summary>
    /// <exception cref="DiskImageException">As of <see cref="OfDisk"/>.</exception>
    internal static void TakeVolume(string path, IWindowsHandle volume)
    {
        Lock(path, volume, []);
        Dismount(path, volume);
        // Otherwise the last sectors, behind the file system's own, are out of reach.
        volume.Control(WindowsControl.AllowExtendedAccess, [], [], out _);
    }

    public void Dispose()
    {
        foreach (IWindowsVolume volume in _volumes)
            volume.Dispose();
    }

    /// <summary>A disk that is written, with what keeps it.</summary>
    private sealed class OpenDisk(SafeFileHandle handle, WindowsDiskClaim? claim) : IDisposable
    {
        public void Dispose()
        {
            // There may be other partitions on it now.
            if (claim is not null && !handle.IsClosed)
                new WindowsHandle(handle).Control(WindowsControl.UpdateProperties, [], [], out _);
            handle.Dispose();
            claim?.Dispose();
        }
    }

    private static void Lock(string path, IWindowsHandle volume, IReadOnlyList<string> folders)
    {
        int error = volume.Control(WindowsControl.LockVolume, [], [], out _);
        if (error == WindowsError.None)
            return;
        string name = folders.Count == 0 ? "it" : $"its volume '{folders[0]}'";
        throw new DiskImageException(ErrorKind.ImageInUse, $"the block device is in use: something on {name} is open", path, SystemError.OfWindows(error))
        {
            Remedy = Remedy.Advice("Nothing was written to it."),
        };
    }

    private static void Dismount(string path, IWindowsHandle volume)
    {
        int error = volume.Control(WindowsControl.DismountVolume, [], [], out _);
        if (error != WindowsError.None)
            throw StorageErrors.Translate(SystemError.OfWindows(error), path);
    }
}
