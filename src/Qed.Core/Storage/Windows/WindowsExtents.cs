using System;
using System.Buffers.Binary;

namespace Qed.Storage.Windows;

/// <summary>Where a file of Windows has data and where holes.</summary>
internal static class WindowsExtents
{
    private const int RangeSize = 16;

    /// <summary>The run of data or hole that holds an offset, from there on. Whatever the file system does not say for sure is data.</summary>
    internal static StorageExtent Next(IWindowsHandle file, long offset, long length)
    {
        // Asked each time: a file that is looked at may be moved to the cloud, or deduplicated, meanwhile.
        if (WindowsFile.AttributesOf(file) is not { } attributes || !WindowsFile.HasTrueHoles(attributes))
            return Data(offset, length);
        Span<byte> found = stackalloc byte[RangeSize];
        // With room for one range, more of them make the call fail although the first is filled in.
        int error = file.Control(WindowsControl.QueryAllocatedRanges, Range(offset, Math.Max(1, length - offset)), found, out int returned);
        if (error is not (WindowsError.None or WindowsError.MoreData) || (error == WindowsError.MoreData && returned < RangeSize))
            return Data(offset, length);
        if (returned < RangeSize)
            return new StorageExtent(offset, Math.Max(1, length - offset), IsHole: true);
        long start = BinaryPrimitives.ReadInt64LittleEndian(found);
        return start > offset
            ? new StorageExtent(offset, start - offset, IsHole: true)
            : Data(offset, start + BinaryPrimitives.ReadInt64LittleEndian(found.Slice(8)));
    }

    /// <summary>Makes a range zeroes, and a hole where the file may have holes.</summary>
    /// <returns>False where the file system cannot.</returns>
    internal static bool TryPunch(IWindowsHandle file, long offset, long length)
        => file.Control(WindowsControl.SetZeroData, Range(offset, offset + length), [], out _) == WindowsError.None;

    private static StorageExtent Data(long offset, long end) => new(offset, Math.Max(1, end - offset), IsHole: false);

    /// <summary>Two numbers, as both FILE_ALLOCATED_RANGE_BUFFER and FILE_ZERO_DATA_INFORMATION have them.</summary>
    private static byte[] Range(long first, long second)
    {
        byte[] bytes = new byte[RangeSize];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, first);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), second);
        return bytes;
    }
}
