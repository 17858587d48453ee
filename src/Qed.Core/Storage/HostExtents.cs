using System;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;
using Qed.Storage.Windows;

namespace Qed.Storage;

/// <summary>
/// Where a host file has data and where holes. What lies in a hole is never read, so a hole is one only where the host's
/// answers fit together and its books bear them out: whatever else it says, or does not say, is data.
/// </summary>
internal sealed class HostExtents(SafeFileHandle handle)
{
    private readonly HoleTrust _trust = new(handle);

    // A file system in memory goes through all pages of the data to find where it ends: asked anew for each of many offsets in it, that takes
    // the product of both. That it has become a hole since, by another's doing, is no harm: what is called data is read.
    private DataRun? _lastData;
    private int _holesMade;

    /// <summary>Bytes that the file takes up on the host's disk; null where the system does not tell.</summary>
    internal long? AllocatedLength
        => HostPlatform.IsLinux ? LinuxStatus.Of(handle) is { } status ? (long)status.Blocks * 512 : null
            : HostPlatform.IsWindows ? WindowsFile.AllocatedLength(new WindowsHandle(handle)) : null;

    /// <summary>The run of data or hole that holds an offset, from there on.</summary>
    /// <param name="offset">Byte offset.</param>
    /// <param name="length">Bytes of the file.</param>
    internal StorageExtent Next(long offset, long length)
    {
        if (HostPlatform.IsLinux)
            return NextOnLinux(offset, length);
        return HostPlatform.IsWindows ? WindowsExtents.Next(new WindowsHandle(handle), offset, length) : Data(offset, length);
    }

    /// <summary>Whether a range lies in a hole (Linux), without finding out where the data around it ends.</summary>
    /// <remarks>Asking for that as well, a file system in memory walks through all of its pages.</remarks>
    internal bool IsHole(long offset, long length) => EndOfHole(offset) is { } end && end - length >= offset;

    /// <summary>Makes a range a hole.</summary>
    /// <returns>False where the host cannot.</returns>
    internal bool TryPunch(long offset, long length)
    {
        if (!HostPlatform.IsLinux)
            return HostPlatform.IsWindows && WindowsExtents.TryPunch(new WindowsHandle(handle), offset, length);
        bool isPunched = LinuxNative.FAllocate(handle, LinuxNative.FallocPunchHole | LinuxNative.FallocKeepSize, offset, length) == 0;
        NoteHoles();
        return isPunched;
    }

    /// <summary>Told of holes that were made in another way: the file was cut, and may have grown again.</summary>
    internal void NoteHoles() => Interlocked.Increment(ref _holesMade);

    /// <summary>Makes a range zeroes, by whatever means there are (Linux).</summary>
    /// <returns>False where the host cannot.</returns>
    internal bool TryZero(long offset, long length)
        => HostPlatform.IsLinux && LinuxNative.FAllocate(handle, LinuxNative.FallocZeroRange | LinuxNative.FallocKeepSize, offset, length) == 0;

    private static StorageExtent Data(long offset, long end) => new(offset, Math.Max(1, end - offset), IsHole: false);

    private StorageExtent NextOnLinux(long offset, long length)
    {
        int holesMade = Volatile.Read(ref _holesMade);
        if (Volatile.Read(ref _lastData) is { } last && last.HolesMade == holesMade && offset >= last.Start && Math.Min(last.End, length) is var lastEnd && offset < lastEnd)
            return Data(offset, lastEnd);
        if (EndOfHole(offset) is { } hole)
            return new StorageExtent(offset, Math.Max(1, Math.Min(hole, length) - offset), IsHole: true);
        long end = LinuxNative.LSeek(handle, offset, LinuxNative.SeekHole);
        if (end <= offset)
            end = length;
        Volatile.Write(ref _lastData, new DataRun(offset, end, holesMade));
        return Data(offset, end);
    }

    /// <summary>Where the hole ends that starts at an offset; null where there is none, or none that can be believed.</summary>
    private long? EndOfHole(long offset)
    {
        long data = LinuxNative.LSeek(handle, offset, LinuxNative.SeekData);
        if (data < 0)
        {
            // "No data from here on", which is a hole only where the other question finds one; any other error tells nothing.
            bool isHole = Marshal.GetLastWin32Error() == LinuxError.Enxio
                && LinuxNative.LSeek(handle, offset, LinuxNative.SeekHole) == offset;
            data = isHole ? long.MaxValue : offset;
        }

        return data > offset && _trust.Believes(offset, data) ? data : null;
    }

    /// <summary>Data of the file.</summary>
    /// <param name="Start">An offset in it.</param>
    /// <param name="End">Where it ends.</param>
    /// <param name="HolesMade">How often holes were made before it was looked for.</param>
    private sealed record DataRun(long Start, long End, int HolesMade);
}
