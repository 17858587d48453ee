using System;
using System.Buffers.Binary;

namespace Qed.Storage.Windows;

/// <summary>Shares blocks between two files of a volume that can: one of ReFS, as a Dev Drive is.</summary>
/// <param name="target">The file that is written.</param>
/// <param name="growth">Makes it longer.</param>
internal sealed class WindowsCloning(IWindowsHandle target, WindowsGrowth growth)
{
    // The system takes less than 4 GiB at once.
    private const long LargestPiece = 1L << 31;
    private const int IntegritySize = 16;
    private const int ClusterAt = 12;

    // Whether the target's checksums are as a source's has been seen to once.
    private volatile bool _isAlike;

    /// <summary>As <see cref="IBlockCloning.TryClone"/>.</summary>
    /// <param name="source">The other file.</param>
    /// <param name="handle">Its handle, held open by the caller.</param>
    /// <param name="from">Where its range starts.</param>
    /// <param name="to">Where the target's starts.</param>
    /// <param name="length">Bytes of both.</param>
    internal bool TryClone(IWindowsHandle source, IntPtr handle, long from, long to, long length)
    {
        // Only ReFS knows of integrity, and the answer tells the cluster size as well.
        Span<byte> integrity = stackalloc byte[IntegritySize];
        if (source.Control(WindowsControl.GetIntegrity, [], integrity, out int size) != WindowsError.None || size < IntegritySize)
            return false;
        long cluster = BinaryPrimitives.ReadUInt32LittleEndian(integrity.Slice(ClusterAt));
        if (cluster == 0 || from % cluster != 0 || to % cluster != 0 || length % cluster != 0 || !IsAlike(integrity) || !growth.TryReach(to + length))
            return false;
        for (long done = 0; done < length;)
        {
            long piece = Math.Min(length - done, LargestPiece);
            if (target.Control(WindowsControl.DuplicateExtents, Request(handle, from + done, to + done, piece), [], out _) != WindowsError.None)
                return false;
            done += piece;
        }

        return true;
    }

    /// <summary>Blocks are shared only between files that both have checksums, or both have none.</summary>
    private bool IsAlike(ReadOnlySpan<byte> integrity)
    {
        if (_isAlike)
            return true;
        Span<byte> own = stackalloc byte[IntegritySize];
        if (target.Control(WindowsControl.GetIntegrity, [], own, out int size) != WindowsError.None || size < IntegritySize || !own.Slice(ClusterAt).SequenceEqual(integrity.Slice(ClusterAt)))
            return false;
        // Algorithm and flags; the flag that only tells what happens to a damaged file may differ.
        const int AlgorithmSize = 2;
        return _isAlike = own.Slice(0, AlgorithmSize).SequenceEqual(integrity.Slice(0, AlgorithmSize))
            || target.Control(WindowsControl.SetIntegrity, integrity.Slice(0, 8), [], out _) == WindowsError.None;
    }

    /// <summary>DUPLICATE_EXTENTS_DATA, whose first member is as long as a pointer and as aligned as what follows.</summary>
    private static byte[] Request(IntPtr source, long from, long to, long length)
    {
        byte[] bytes = new byte[32];
        if (IntPtr.Size == sizeof(long))
            BinaryPrimitives.WriteInt64LittleEndian(bytes, source.ToInt64());
        else
            BinaryPrimitives.WriteInt32LittleEndian(bytes, source.ToInt32());
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), from);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), to);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), length);
        return bytes;
    }
}
