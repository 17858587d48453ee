using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Storage.Windows;

/// <summary>What Windows tells of a whole disk or volume.</summary>
internal static class WindowsDisk
{
    private const uint DiskType = 7;
    private const int GeometrySize = 24;
    private const int SectorSizeAt = 20;
    private const int MostExtents = 256;
    private const int FirstExtentAt = 8;
    private const int ExtentSize = 24;
    private const int UsualSector = 512;

    /// <summary>Bytes of a disk or volume.</summary>
    /// <exception cref="System.IO.IOException">The system does not tell.</exception>
    internal static long LengthOf(IWindowsHandle disk)
    {
        Span<byte> length = stackalloc byte[sizeof(long)];
        int error = disk.Control(WindowsControl.GetDiskLength, [], length, out _);
        return error == WindowsError.None ? BinaryPrimitives.ReadInt64LittleEndian(length) : throw SystemError.OfWindows(error);
    }

    /// <summary>Bytes of a sector, in which alone it is read and written.</summary>
    internal static int SectorSizeOf(IWindowsHandle disk)
    {
        Span<byte> geometry = stackalloc byte[GeometrySize];
        if (disk.Control(WindowsControl.GetDiskGeometry, [], geometry, out _) != WindowsError.None)
            return AlignedBuffer.Alignment;
        int size = BinaryPrimitives.ReadInt32LittleEndian(geometry.Slice(SectorSizeAt));
        return size is >= UsualSector and <= AlignedBuffer.Alignment && (size & (size - 1)) == 0 ? size : AlignedBuffer.Alignment;
    }

    /// <summary>Type, number and partition, the same under any name of the device; null where it has none, as a volume on several disks.</summary>
    internal static FileIdentity? IdentityOf(IWindowsHandle device)
    {
        Span<byte> number = stackalloc byte[12];
        if (device.Control(WindowsControl.GetDeviceNumber, [], number, out int size) != WindowsError.None || size < number.Length)
            return null;
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(number);
        uint partition = BinaryPrimitives.ReadUInt32LittleEndian(number.Slice(8));
        // A disk as a whole has the partition zero, or on some systems none.
        return type == DiskType ? OfDisk(BinaryPrimitives.ReadUInt32LittleEndian(number.Slice(4)), partition == uint.MaxValue ? 0 : partition) : null;
    }

    /// <summary>The number of a disk; null for what is none.</summary>
    internal static uint? NumberOf(IWindowsHandle device)
    {
        Span<byte> number = stackalloc byte[12];
        return device.Control(WindowsControl.GetDeviceNumber, [], number, out int size) == WindowsError.None && size >= number.Length
            ? BinaryPrimitives.ReadUInt32LittleEndian(number.Slice(4)) : null;
    }

    /// <summary>The numbers of the disks that a volume lies on.</summary>
    internal static IReadOnlyList<uint> DisksOf(IWindowsHandle volume)
    {
        byte[] extents = new byte[FirstExtentAt + (MostExtents * ExtentSize)];
        int error = volume.Control(WindowsControl.GetVolumeDiskExtents, [], extents, out int size);
        if (error is not (WindowsError.None or WindowsError.MoreData) || size < FirstExtentAt)
            return [];
        int count = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(extents), (size - FirstExtentAt) / ExtentSize);
        return [.. Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(extents.AsSpan(FirstExtentAt + (i * ExtentSize)))).Distinct()];
    }

    /// <summary>What a volume lies on.</summary>
    internal static IReadOnlyCollection<FileIdentity> Beneath(IWindowsHandle volume) => [.. DisksOf(volume).Select(disk => OfDisk(disk, 0))];

    private static FileIdentity OfDisk(uint number, uint partition) => FileIdentity.OfDevice(number, partition);
}
