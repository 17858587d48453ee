using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;
using static Qed.Invariant;

namespace Qed.Storage;

/// <summary>What Linux tells of a block device.</summary>
internal static class BlockDevice
{
    private const nuint GetReadOnly = 0x125e;
    private const nuint GetSectorSize = 0x1268;
    private const nuint Discard = 0x1277;

    /// <summary>Bytes of a sector as the device's users see it.</summary>
    /// <returns>Null where the system does not tell.</returns>
    internal static int? LogicalSectorSize(SafeFileHandle device)
        => LinuxNative.IoControl(device, GetSectorSize, out int size) == 0 && size > 0 ? size : null;

    /// <inheritdoc cref="IDiscardable.TryDiscard"/>
    internal static unsafe bool TryDiscard(SafeFileHandle device, long offset, long length)
    {
        long* range = stackalloc long[] { offset, length };
        return HostPlatform.IsLinux && LinuxNative.IoControl(device, Discard, range) == 0;
    }

    /// <summary>Opens a device to write it, and keeps everybody out who would mount it or do the same.</summary>
    /// <exception cref="DiskImageException">ImageInUse, naming by what; AccessDenied, naming a read-only device.</exception>
    internal static SafeFileHandle OpenToWrite(string path)
    {
        RequireFree(path);
        SafeFileHandle device = LinuxNative.Open(LinuxNative.NullTerminated(path), LinuxNative.OpenReadWrite | LinuxNative.OpenExclusive | LinuxNative.OpenCloseOnExec);
        int error = Marshal.GetLastWin32Error();
        // Some kernels let it be opened for writing all the same, and refuse each write.
        if (!device.IsInvalid && !IsReadOnly(device))
            return device;
        bool isReadOnly = !device.IsInvalid || IsReadOnly(path);
        device.Dispose();
        throw isReadOnly ? new DiskImageException(ErrorKind.AccessDenied, "the block device is read-only", path)
            : error == LinuxError.Ebusy ? InUse(path, "the system: it is mounted, swapped to, or part of another device")
            : StorageErrors.Translate(SystemError.Of(error), path);
    }

    /// <summary>The kernel keeps out whoever claims a device as well, but would not say who has it; and not everybody claims it.</summary>
    private static void RequireFree(string path)
    {
        if (LinuxStatus.Of(path) is not { Type: FileType.BlockDevice } status)
            return;
        string? user = MountPoint(status) is { } folder ? $"a file system that is mounted at '{folder}'"
            : IsSwap(path) ? "the system, which swaps to it"
            : Holders(status) is { } holders ? $"another device: {holders}"
            : LockHolder.DescribeWriters(path);
        if (user is not null)
            throw InUse(path, user);
    }

    private static DiskImageException InUse(string path, string user) => new(ErrorKind.ImageInUse, "the block device is in use by " + user, path)
    {
        Remedy = Remedy.Advice("Nothing was written to it."),
    };

    private static bool IsReadOnly(string path)
    {
        using SafeFileHandle device = LinuxNative.Open(LinuxNative.NullTerminated(path), LinuxNative.OpenCloseOnExec);
        return !device.IsInvalid && IsReadOnly(device);
    }

    private static bool IsReadOnly(SafeFileHandle device)
        => LinuxNative.IoControl(device, GetReadOnly, out int isReadOnly) == 0 && isReadOnly != 0;

    /// <summary>Where this process's view of the file systems has the device, or one of its partitions, mounted.</summary>
    private static string? MountPoint(LinuxNative.FileStatus device)
    {
        HashSet<string> numbers = [.. PartitionsOf(device).Append(NumberOf(device))];
        // "36 35 98:0 /root /where options... - type source options"
        return Lines("/proc/self/mountinfo")
            .Select(line => line.Split(' '))
            .Where(fields => fields.Length > 4 && numbers.Contains(fields[2]))
            .Select(fields => Unescape(fields[4]))
            .FirstOrDefault();
    }

    private static bool IsSwap(string path)
        => Lines("/proc/swaps").Skip(1).Any(line => FileIdentity.Of(Unescape(line.Split(' ', '\t')[0])) is { } swap && swap == FileIdentity.Of(path));

    /// <summary>Devices that are built on this one: of LVM, RAID, encryption.</summary>
    private static string? Holders(LinuxNative.FileStatus device)
    {
        string[] names = [.. Entries(Path.Combine(SystemFolderOf(NumberOf(device)), "holders"))];
        return names.Length == 0 ? null : string.Join(", ", names);
    }

    private static IEnumerable<string> PartitionsOf(LinuxNative.FileStatus device)
    {
        string folder = SystemFolderOf(NumberOf(device));
        return Entries(folder)
            .Where(name => File.Exists(Path.Combine(folder, name, "partition")))
            .SelectMany(name => Lines(Path.Combine(folder, name, "dev")).Take(1));
    }

    /// <summary>What a block device lies on: the file of a loop device, the disk of a partition, the devices of a volume, and what these lie on.</summary>
    /// <returns>Nothing for what is no block device.</returns>
    internal static IReadOnlyCollection<FileIdentity> Beneath(string path)
    {
        if (HostPlatform.IsWindows)
            return WindowsIdentity.Beneath(path);
        var found = new HashSet<FileIdentity>();
        if (HostPlatform.IsLinux && LinuxStatus.Of(path) is { Type: FileType.BlockDevice } status)
            AddBeneath(SystemFolderOf(NumberOf(status)), found);
        return found;
    }

    private static void AddBeneath(string folder, HashSet<FileIdentity> found)
    {
        // The system puts a mark behind the name of a file that is gone; a file of such a name is then none of its.
        if (Lines(Path.Combine(folder, "loop", "backing_file")).FirstOrDefault() is { } file && FileIdentity.Of(file) is { } identity)
            found.Add(identity);
        List<string> devices = [.. Entries(Path.Combine(folder, "slaves")).Select(name => Path.Combine(folder, "slaves", name))];
        if (File.Exists(Path.Combine(folder, "partition")) && RealPaths.Of(folder) is { } real)
            devices.Add(Path.GetDirectoryName(real)!);
        foreach (string device in devices)
        {
            string[] numbers = Lines(Path.Combine(device, "dev")).FirstOrDefault()?.Split(':') ?? [];
            if (numbers.Length == 2 && TryNumber(numbers[0], out uint major) && TryNumber(numbers[1], out uint minor)
                && found.Add(FileIdentity.OfDevice(major, minor)))
            {
                AddBeneath(device, found);
            }
        }
    }

    private static bool TryNumber(string text, out uint number) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static string NumberOf(LinuxNative.FileStatus device) => $"{Text(device.NodeMajor)}:{Text(device.NodeMinor)}";

    private static string SystemFolderOf(string number) => "/sys/dev/block/" + number;

    private static IEnumerable<string> Entries(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] Lines(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Blanks and the like stand as three octal digits in the tables of /proc.</summary>
    private static string Unescape(string name)
        => name.Replace("\\040", " ").Replace("\\011", "\t").Replace("\\012", "\n").Replace("\\134", "\\");
}
