using System;
using System.Collections.Generic;

namespace Qed.Storage;

/// <summary>
/// Which sectors of a piece of tables the host cannot read. One bad sector must not hide the entries around it, and a dying
/// disk, which takes seconds over each, is asked for it once.
/// </summary>
internal sealed class PageFaults
{
    private const int SectorSize = 512;

    private readonly SortedDictionary<int, DiskImageException> _sectors = [];
    private readonly int _length;

    private PageFaults(int length) => _length = length;

    /// <summary>Reads a piece of tables; where that fails sector by sector.</summary>
    /// <param name="storage">The file.</param>
    /// <param name="offset">Where the piece starts.</param>
    /// <param name="page">Receives the bytes; what lies behind the end of the file is not touched.</param>
    /// <param name="read">How many bytes the file has of it.</param>
    /// <returns>The sectors that could not be read; null where all could.</returns>
    internal static PageFaults? Read(BlockStorage storage, long offset, Span<byte> page, out int read)
    {
        try
        {
            read = storage.Read(offset, page);
            return null;
        }
        catch (DiskImageException error) when (StorageErrors.IsFailedRead(error))
        {
            var faults = new PageFaults(page.Length);
            faults.ReadSectors(storage, offset, page);
            read = (int)Math.Max(0, Math.Min(page.Length, storage.Length - offset));
            return faults;
        }
    }

    /// <summary>Throws what the system reported of the first sector that could not be read.</summary>
    internal void RequireNone()
    {
        foreach (DiskImageException fault in _sectors.Values)
            throw fault;
    }

    /// <summary>How many bytes from a place on were read.</summary>
    /// <param name="place">Bytes from the start of the piece.</param>
    /// <exception cref="DiskImageException">Not even the first: what the system reported of it.</exception>
    internal int ReadableAt(int place)
    {
        foreach (KeyValuePair<int, DiskImageException> fault in _sectors)
        {
            if (fault.Key > place)
                return fault.Key - place;
            if (fault.Key + SectorSize > place)
                throw fault.Value.WithPath(fault.Value.Path!);
        }

        return _length - place;
    }

    private void ReadSectors(BlockStorage storage, long offset, Span<byte> page)
    {
        for (int place = 0; place < page.Length; place += SectorSize)
        {
            try
            {
                storage.Read(offset + place, page.Slice(place, Math.Min(SectorSize, page.Length - place)));
            }
            catch (DiskImageException error) when (StorageErrors.IsFailedRead(error))
            {
                _sectors.Add(place, error);
            }
        }
    }
}
