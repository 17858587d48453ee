using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Bits;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>
/// Finds grains through the grain directory and its tables, which are never held whole. Where an entry of the primary
/// ones is impossible the redundant ones answer instead.
/// </summary>
internal sealed class GrainTables
{
    private const uint ZeroGrain = 1;

    private readonly BlockStorage _file;
    private readonly SparseHeader _header;
    private readonly CachedTables _cache;
    private readonly long _fileLength;
    private readonly long _primary;
    private readonly long _redundant;
    private readonly ILogger _logger;
    private int _isDamageTold;

    /// <param name="file">The extent's file.</param>
    /// <param name="header">Its header, checked.</param>
    /// <param name="options">How the image is opened; its logger receives a warning where the redundant tables are needed.</param>
    internal GrainTables(BlockStorage file, SparseHeader header, ImageOpenOptions options)
    {
        _file = file;
        _logger = options.Logger;
        _header = header;
        _cache = new CachedTables(file, options.TableCacheBytes);
        _fileLength = file.Length;
        _primary = DirectoryOffset(header.Directory);
        _redundant = (header.Flags & SparseFlags.RedundantDirectory) != 0 ? DirectoryOffset(header.RedundantDirectory) : 0;
    }

    private long TableBytes => (long)_header.EntriesPerTable * SparseHeader.EntrySize;

    /// <summary>The run that starts at a grain, as far as one call may look.</summary>
    /// <param name="grain">Its number, below the extent's number of grains.</param>
    /// <param name="most">The longest run of interest, at least 1 and within the extent.</param>
    /// <exception cref="DiskImageException">ImageCorrupt: neither directory has a possible entry.</exception>
    internal GrainRun Find(long grain, long most)
    {
        GrainRun run = FindInTable(grain, most);
        var budget = default(LookupBudget);
        while (run.Grains < most && budget.TrySpend())
        {
            // What is wrong with later entries matters to those who need them.
            long more = Extend(run, grain + run.Grains, most - run.Grains);
            if (more == 0)
                break;
            run = run with { Grains = run.Grains + more };
        }

        return run;
    }

    /// <summary>The run that holds a byte, and how far into its first grain the byte lies.</summary>
    internal (GrainRun Run, long Within) FindBytes(long offset, long maximum)
    {
        long within = offset & (_header.GrainBytes - 1);
        long grain = offset / _header.GrainBytes;
        return (Find(grain, ((within + maximum - 1) / _header.GrainBytes) + 1), within);
    }

    /// <summary>The header, the descriptor, and both directories with their tables.</summary>
    internal IEnumerable<FileRange> Structures()
    {
        yield return new FileRange(0, SparseHeader.Size);
        yield return new FileRange(_header.DescriptorSector * SparseHeader.SectorSize, _header.DescriptorSectors * SparseHeader.SectorSize);
        foreach (long directory in new[] { _primary, _redundant }.Where(directory => directory > 0))
        {
            yield return new FileRange(directory, _header.Tables * SparseHeader.EntrySize);
            for (long table = 0; table < _header.Tables;)
            {
                long end = table + EntriesInPage(directory, table);
                // Most of a directory that is made for a large disk.
                if (MissingTables(directory, table, _header.Tables - table) > 0)
                    table = end;
                for (; table < end; table++)
                {
                    if (PlaceOf(directory, table) is > 0 and var place)
                        yield return new FileRange(place, TableBytes);
                }
            }
        }
    }

    private long EntriesInPage(long directory, long table)
        => Math.Min(_header.Tables - table, _cache.BytesAt(directory + (table * SparseHeader.EntrySize)).Length / SparseHeader.EntrySize);

    private long DirectoryOffset(ulong sector)
        => SparseHeaderReader.LiesInside(sector, _header, _fileLength) ? (long)sector * SparseHeader.SectorSize : 0;

    private GrainRun FindInTable(long grain, long most)
    {
        (long table, int index) = Locate(grain);
        long offset = TableAt(table);
        if (offset == 0)
            return new GrainRun(ExtentKind.Unallocated, 0, Math.Min(most, _header.EntriesPerTable - index));
        uint entry = _cache.UInt32LittleEndian(offset + ((long)index * SparseHeader.EntrySize));
        if (!IsPossible(entry, grain))
            entry = RedundantEntry(table, index, grain, entry, offset);
        ExtentKind kind = entry == 0 ? ExtentKind.Unallocated
            : entry == ZeroGrain && _header.HasZeroGrains ? ExtentKind.Zero
            : ExtentKind.Data;
        return new GrainRun(kind, entry, 1);
    }

    /// <summary>By how many grains a run goes on, within the table and the piece of it that lies in one page.</summary>
    private long Extend(GrainRun run, long grain, long mostGrains)
    {
        (long table, int index) = Locate(grain);
        long offset = PlaceOf(table);
        long most = Math.Min(mostGrains, _header.EntriesPerTable - index);
        if (offset < 0 || (offset == 0 && run.Kind != ExtentKind.Unallocated))
            return 0;
        if (offset == 0)
            return index > 0 ? most : Math.Max(most, MissingTables(table, mostGrains / _header.EntriesPerTable) * _header.EntriesPerTable);
        ReadOnlySpan<byte> entries = _cache.BytesAt(offset + ((long)index * SparseHeader.EntrySize));
        entries = entries.Slice(0, (int)Math.Min(entries.Length, most * SparseHeader.EntrySize));
        if (run.Kind == ExtentKind.Unallocated && ZeroScan.IsZero(entries))
            return entries.Length / SparseHeader.EntrySize;
        long count = 0;
        for (; !entries.IsEmpty; entries = entries.Slice(SparseHeader.EntrySize))
        {
            if (!Continues(run, grain + count, BinaryPrimitives.ReadUInt32LittleEndian(entries), run.Grains + count))
                break;
            count++;
        }

        return count;
    }

    /// <summary>How many tables from one on, as far as one page of the directories tells, are in no directory; zero where that is quickly said.</summary>
    private long MissingTables(long table, long most)
        => MissingTables(_primary, table, MissingTables(_redundant, table, Math.Min(most, _header.Tables - table)));

    private long MissingTables(long directory, long table, long most)
    {
        if (directory == 0)
            return most;
        ReadOnlySpan<byte> entries = _cache.BytesAt(directory + (table * SparseHeader.EntrySize));
        entries = entries.Slice(0, (int)Math.Min(entries.Length, most * SparseHeader.EntrySize));
        return ZeroScan.IsZero(entries) ? entries.Length / SparseHeader.EntrySize : 0;
    }

    /// <summary>Whether an entry belongs to a run, so many grains behind its start.</summary>
    private bool Continues(GrainRun run, long grain, uint entry, long distance) => run.Kind switch
    {
        ExtentKind.Unallocated => entry == 0,
        ExtentKind.Zero => entry == ZeroGrain,
        // Compressed grains have no fixed length, so all that have data are one run.
        _ when _header.IsCompressed => entry != 0 && !(entry == ZeroGrain && _header.HasZeroGrains) && IsPossible(entry, grain),
        _ => entry == run.Sector + (distance * _header.GrainSectors) && IsPossible(entry, grain),
    };

    /// <summary>Whether an entry is none, a zero grain, or leads to a place in the file behind the header.</summary>
    private bool IsPossible(uint entry, long grain)
    {
        if (entry == 0 || (entry == ZeroGrain && _header.HasZeroGrains))
            return true;
        // A compressed grain tells its length itself.
        long sectors = _header.IsCompressed ? 1 : Math.Min(_header.GrainSectors, _header.Capacity - (grain * _header.GrainSectors));
        return entry > ZeroGrain && (entry + sectors) * SparseHeader.SectorSize <= _fileLength;
    }

    private (long Table, int Index) Locate(long grain)
        => (grain / _header.EntriesPerTable, (int)(grain % _header.EntriesPerTable));

    /// <summary>Where a grain table lies; zero where there is none.</summary>
    private long TableAt(long table)
    {
        long offset = PlaceOf(table);
        return offset >= 0 ? offset : throw Corrupt(
            "neither grain directory leads to this grain table", "grain directory entry", _primary + (table * SparseHeader.EntrySize), DirectoryValue(_primary, table));
    }

    /// <summary>As <see cref="TableAt(long)"/>; negative where both directories are damaged there.</summary>
    private long PlaceOf(long table)
    {
        long primary = PlaceOf(_primary, table);
        if (primary > 0 || _redundant == 0)
            return primary;
        long redundant = PlaceOf(_redundant, table);
        if (redundant <= 0)
            return primary;
        TellDamage(_primary == 0 ? "directory does not lie within the file" : "directory leads to no table for a part of the disk");
        return redundant;
    }

    /// <summary>Where a directory has a table: zero for nowhere, negative where that is impossible.</summary>
    private long PlaceOf(long directory, long table)
    {
        if (directory == 0)
            return -1;
        long offset = DirectoryValue(directory, table) * (long)SparseHeader.SectorSize;
        return offset == 0 || (offset >= SparseHeader.Size && offset <= _fileLength - TableBytes) ? offset : -1;
    }

    private uint RedundantEntry(long table, int index, long grain, uint primary, long primaryTable)
    {
        long offset = PlaceOf(_redundant, table);
        if (offset > 0 && offset != primaryTable)
        {
            uint entry = _cache.UInt32LittleEndian(offset + ((long)index * SparseHeader.EntrySize));
            if (IsPossible(entry, grain))
            {
                TellDamage("tables have entries that lead out of the file");
                return entry;
            }
        }

        throw Corrupt("a grain does not lie within the file", "grain table entry", primaryTable + ((long)index * SparseHeader.EntrySize), primary);
    }

    /// <summary>Says once that the copy is needed: what one writer kept in two places, another may have changed in one only.</summary>
    private void TellDamage(string what)
    {
        if (Interlocked.Exchange(ref _isDamageTold, 1) == 0)
            Log.RedundantTablesUsed(_logger, _file.Path, what);
    }

    private uint DirectoryValue(long directory, long table)
        => directory == 0 ? 0 : _cache.UInt32LittleEndian(directory + (table * SparseHeader.EntrySize));

    private DiskImageException Corrupt(string rule, string structure, long offset, uint value)
        => new(ErrorKind.ImageCorrupt, rule, _file.Path) { Structure = structure, Offset = offset, Value = value };
}
