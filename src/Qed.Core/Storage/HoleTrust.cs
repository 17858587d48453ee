using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qed.Storage;

/// <summary>
/// Whether what a file system says of a file's holes is borne out by the blocks that the file takes up (Linux). File systems
/// have called data a hole that was not on the disk yet; then more is taken up than the data that they tell of needs.
/// </summary>
internal sealed class HoleTrust(SafeFileHandle handle)
{
    private const int SectorSize = 512;
    private const int BlockSize = 4096;

    private readonly object _lock = new();
    private bool _isKnown;
    private long? _endOfData;

    /// <summary>Whether a hole may be passed over unread.</summary>
    /// <param name="offset">Where it starts.</param>
    /// <param name="end">Where the system says that it ends.</param>
    internal bool Believes(long offset, long end)
    {
        lock (_lock)
        {
            if (!_isKnown)
                _endOfData = EndOfDataIfBorneOut();
            _isKnown = true;
            // One that reaches over data which the system has told of itself is none.
            return _endOfData is { } last && (offset >= last || end < last);
        }
    }

    /// <summary>Goes through the file once, when its first hole is met.</summary>
    /// <returns>Where the last data ends that the system tells of; null where its blocks contradict what it tells.</returns>
    private long? EndOfDataIfBorneOut()
    {
        if (LinuxStatus.Of(handle) is not { } status)
            return null;
        long length = (long)status.Size;
        long taken = (long)status.Blocks * SectorSize;
        return DataToldOf(length) is { } told && IsExplained(taken, told.Bytes, told.Runs, length) ? told.End : null;
    }

    private bool IsExplained(long taken, long told, long runs, long length)
    {
        // Where a file without data counts at all (ZFS), it counts as one sector.
        if (taken <= Math.Max(told, SectorSize))
            return true;
        // More than the data needs: allocated ahead, or for the file system's own tables, or for data that it hides.
        return FileMap.TryRead(handle, length) is { } map
            ? map.Written <= told && taken - map.Ahead <= told + (1 << 20) + (runs * 256) + (told / 256)
            : taken <= told + Math.Min(4 * BlockSize, told) + (runs * 64) + (told / 1024);
    }

    /// <summary>Adds up all data that the system tells of.</summary>
    /// <returns>Null where its answers do not fit together.</returns>
    private (long Bytes, long Runs, long End)? DataToldOf(long length)
    {
        long bytes = 0;
        long runs = 0;
        long end = 0;
        while (end < length)
        {
            long data = LinuxNative.LSeek(handle, end, LinuxNative.SeekData);
            if (data < 0 && Marshal.GetLastWin32Error() == LinuxError.Enxio)
                break;
            long start = end;
            end = data < start ? -1 : LinuxNative.LSeek(handle, data, LinuxNative.SeekHole);
            if (end <= data)
                return null;
            // A file ends anywhere in its last block.
            bytes += (end >= length ? (end + BlockSize - 1) & -BlockSize : end) - data;
            runs++;
        }

        return (bytes, runs, end);
    }
}
