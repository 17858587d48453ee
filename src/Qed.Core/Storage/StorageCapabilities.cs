using System;
using System.Buffers;
using Qed.Bits;

namespace Qed.Storage;

/// <summary>What only some storages can do, and what is done with the others: each asks a storage for one small capability.</summary>
internal static class StorageCapabilities
{
    /// <inheritdoc cref="IResizable.SetLength"/>
    /// <exception cref="InvalidOperationException">The storage has no such capability: it is not one to be written.</exception>
    internal static void SetLength(this BlockStorage storage, long length)
        => (storage as IResizable ?? throw new InvalidOperationException("The storage cannot change its length.")).SetLength(length);

    /// <summary>Makes sure that a storage of fixed length is long enough.</summary>
    /// <exception cref="DiskImageException">NotEnoughSpace.</exception>
    internal static void RequireRoom(this BlockStorage storage, long length)
    {
        if (storage.Length is var room && length > room)
            throw StorageErrors.DeviceTooSmall(storage.Path, length, room);
    }

    /// <inheritdoc cref="IHoleMap.NextExtent"/>
    internal static StorageExtent NextExtent(this BlockStorage storage, long offset)
        => storage is IHoleMap map ? map.NextExtent(offset) : storage.AllData(offset);

    /// <summary>The answer of a storage that does not know better: from an offset on all is data.</summary>
    internal static StorageExtent AllData(this BlockStorage storage, long offset) => new(offset, Math.Max(1, storage.Length - offset), IsHole: false);

    /// <inheritdoc cref="IHoleMap.IsHole"/>
    internal static bool IsHole(this BlockStorage storage, long offset, long length) => storage is IHoleMap map && map.IsHole(offset, length);

    /// <inheritdoc cref="IPunchable.TryPunch"/>
    internal static bool TryPunch(this BlockStorage storage, long offset, long length) => storage is IPunchable punchable && punchable.TryPunch(offset, length);

    /// <inheritdoc cref="IDiscardable.TryDiscard"/>
    internal static bool TryDiscard(this BlockStorage storage, long offset, long length) => storage is IDiscardable discardable && discardable.TryDiscard(offset, length);

    /// <inheritdoc cref="IBlockCloning.TryClone"/>
    internal static bool TryClone(this BlockStorage storage, BlockStorage source, long from, long to, long length)
        => storage is IBlockCloning cloning && cloning.TryClone(source, from, to, length);

    /// <inheritdoc cref="ISpaceReserve.Preallocate"/>
    internal static void Preallocate(this BlockStorage storage, long offset, long length) => (storage as ISpaceReserve)?.Preallocate(offset, length);

    /// <inheritdoc cref="ISpaceReserve.MakePlain"/>
    internal static void MakePlain(this BlockStorage storage) => (storage as ISpaceReserve)?.MakePlain();

    /// <inheritdoc cref="IAnnouncedWrites.Announce"/>
    internal static void Announce(this BlockStorage storage, long offset, long length) => (storage as IAnnouncedWrites)?.Announce(offset, length);

    /// <inheritdoc cref="HostFile.TryReadAhead"/>
    internal static bool TryReadAhead(this BlockStorage? storage, long offset, long length) => storage is HostFile file && file.TryReadAhead(offset, length);

    /// <inheritdoc cref="ISectored.LogicalSectorSize"/>
    internal static int? LogicalSectorSize(this BlockStorage storage) => (storage as ISectored)?.LogicalSectorSize;

    /// <inheritdoc cref="IDated.LastWriteTime"/>
    /// <returns>Null where the storage does not tell.</returns>
    internal static DateTime? LastWriteTime(this BlockStorage storage) => (storage as IDated)?.LastWriteTime;

    /// <inheritdoc cref="ICopyWithin.CopyWithin"/>
    internal static void CopyWithin(this BlockStorage storage, long from, long to, int length)
    {
        if (storage is ICopyWithin copier)
            copier.CopyWithin(from, to, length);
        else
            storage.CopyBytesWithin(from, to, length);
    }

    /// <summary>As <see cref="ICopyWithin.CopyWithin"/>, by reading and writing; zeroes take no space where the storage can punch.</summary>
    internal static void CopyBytesWithin(this BlockStorage storage, long from, long to, int length)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Span<byte> bytes = rented.AsSpan(0, length);
            storage.ReadOrZero(from, bytes);
            if (ZeroScan.IsZero(bytes))
                storage.WriteZeroes(to, length);
            else
                storage.Write(to, bytes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
