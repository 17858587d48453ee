using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Finds what guest bytes are, through an L1 table and its L2 tables. Tables are read by cached pages; an entry that
/// breaks a rule is an error for those who need it only.
/// </summary>
internal sealed class Qcow2Map
{
    private readonly BlockStorage _storage;
    private readonly CachedTables _pages;
    private readonly Qcow2Geometry _geometry;
    private readonly L1Table _l1;
    private readonly bool _isVersion2;
    private readonly bool _isExternal;
    private readonly long _fileLength;
    private readonly RefcountTable _refcounts;
    private readonly long _tableLimit;
    private readonly long _dataLimit;

    /// <param name="storage">The image's file.</param>
    /// <param name="header">Its header.</param>
    /// <param name="l1">The table to go by, the disk's or a snapshot's.</param>
    /// <param name="dataLength">Bytes of the file that holds the guest's data.</param>
    /// <param name="tableCacheBytes">Memory that the tables may take: see <see cref="PageBudget"/>.</param>
    internal Qcow2Map(BlockStorage storage, Qcow2Header header, L1Table l1, long dataLength, long tableCacheBytes)
    {
        _storage = storage;
        _pages = new CachedTables(storage, tableCacheBytes);
        _geometry = header.Geometry;
        _l1 = l1;
        _isVersion2 = header.Version == 2;
        _isExternal = header.Has(IncompatibleFeatures.ExternalData);
        _fileLength = storage.Length;
        _tableLimit = _fileLength - _geometry.ClusterSize;
        _refcounts = new RefcountTable(_pages, header, _fileLength);
        _dataLimit = dataLength;
    }

    /// <summary>What the bytes from an offset on are, up to the first that are something else or as far as a budget reaches; one cluster at most where it is compressed.</summary>
    /// <param name="offset">Guest offset within the disk.</param>
    /// <param name="maximum">The longest run of interest, at least 1.</param>
    /// <param name="budget">Spent on the tables behind the first.</param>
    internal MappedClusters Find(GuestOffset offset, long maximum, ref LookupBudget budget)
    {
        MappedClusters run = FindInTable(offset.Value, maximum, ref budget);
        while (run.Length < maximum && budget.TrySpend())
        {
            MappedClusters next = FindInTable(offset.Value + run.Length, maximum - run.Length, ref budget);
            if (!run.IsContinuedBy(next))
                return run;
            run = run with { Length = run.Length + next.Length };
        }

        return run with { Length = Math.Min(run.Length, maximum) };
    }

    /// <summary>The header, the tables of the disk, and the reference counts.</summary>
    internal IEnumerable<FileRange> Structures()
    {
        yield return new FileRange(0, _geometry.ClusterSize);
        yield return new FileRange(_l1.Offset, (long)_l1.Entries * Qcow2Geometry.EntryBytes);
        foreach (long table in TableOffsets.In(_pages, _l1.Offset, _l1.Entries, _geometry, _fileLength))
            yield return new FileRange(table, _geometry.ClusterSize);
        foreach (FileRange range in _refcounts.Ranges())
            yield return range;
    }

    /// <summary>Whether a cluster is said to be referenced more than once.</summary>
    internal bool IsShared(long host) => _refcounts.CountOf(host) > 1;

    private MappedClusters FindInTable(long offset, long maximum, ref LookupBudget budget)
    {
        long table = TableAt(offset / _geometry.BytesPerTable);
        if (table == 0)
            return new MappedClusters(MappedKind.Unallocated, MissingTables(offset, maximum, ref budget), 0);
        int index = (int)(offset >> _geometry.ClusterBits) & (_geometry.EntriesPerTable - 1);
        long position = table + ((long)index * _geometry.L2EntryBytes);
        // Entries do not straddle pages, and a run may go on in the next page of the same table.
        ReadOnlySpan<byte> entries = _pages.BytesAt(position);
        entries = entries.Slice(0, Math.Min(entries.Length, (_geometry.EntriesPerTable - index) * _geometry.L2EntryBytes));
        MappedClusters run = PieceOf(EntryIn(entries), position, offset);
        while (run.Length < maximum)
        {
            // Within a cluster the entry stays the same.
            if (_geometry.InCluster(offset + run.Length) == 0)
            {
                position += _geometry.L2EntryBytes;
                entries = entries.Slice(_geometry.L2EntryBytes);
                if (entries.IsEmpty)
                    break;
            }

            if (run.Kind == MappedKind.Compressed)
                break;
            MappedClusters next = PieceOf(EntryIn(entries), position, offset + run.Length);
            if (!run.IsContinuedBy(next))
                break;
            run = run with { Length = run.Length + next.Length };
        }

        return run;
    }

    /// <summary>The offset of an L2 table; zero where there is none.</summary>
    private long TableAt(long index)
    {
        long position = _l1.Offset + (index * Qcow2Geometry.EntryBytes);
        if (position >= _fileLength)
            throw Corrupt("the L1 table is cut off by the end of the file", "L1 entry", position, 0);
        ulong entry = _pages.UInt64BigEndian(position);
        if (entry == 0)
            return 0;
        ulong table = entry & L2Entry.OffsetMask;
        if ((entry & ~(L2Entry.OffsetMask | L2Entry.Copied)) != 0)
            throw Corrupt("an L1 entry has reserved bits set", "L1 entry", position, entry);
        if (!_geometry.IsAligned(table))
            throw Corrupt("an L2 table is not aligned to a cluster", "L1 entry", position, entry);
        if ((long)table > _tableLimit)
            throw Corrupt("an L2 table lies beyond the end of the file", "L1 entry", position, entry);
        return (long)table;
    }

    /// <summary>How far no L2 table maps anything, from an offset on and as far as the budget reaches.</summary>
    private long MissingTables(long offset, long maximum, ref LookupBudget budget)
    {
        long span = _geometry.BytesPerTable;
        long length = span - (offset % span);
        long index = (offset / span) + 1;
        // Behind the end of the file there are no entries that could say so.
        long known = Math.Min(_l1.Entries, (_fileLength - _l1.Offset) / Qcow2Geometry.EntryBytes);
        while (length < maximum && index < known && budget.TrySpend())
        {
            ReadOnlySpan<byte> entries = _pages.BytesAt(_l1.Offset + (index * Qcow2Geometry.EntryBytes));
            int count = (int)Math.Min(entries.Length / Qcow2Geometry.EntryBytes, known - index);
            int zeroes = 0;
            while (zeroes < count && length < maximum && BinaryPrimitives.ReadUInt64BigEndian(entries.Slice(zeroes * Qcow2Geometry.EntryBytes)) == 0)
            {
                zeroes++;
                // The last table may reach beyond 2^63.
                length = length > maximum - span ? maximum : length + span;
            }

            index += zeroes;
            if (zeroes < count)
                break;
        }

        return Math.Min(length, maximum);
    }

    private L2Entry EntryIn(ReadOnlySpan<byte> entries) => new(
        BinaryPrimitives.ReadUInt64BigEndian(entries),
        _geometry.HasSubclusters ? BinaryPrimitives.ReadUInt64BigEndian(entries.Slice(8)) : 0);

    /// <summary>What an entry says about its cluster from an offset on: to the end of it, or of a run of like subclusters.</summary>
    private MappedClusters PieceOf(L2Entry entry, long position, long offset)
    {
        int inCluster = _geometry.InCluster(offset);
        int rest = _geometry.ClusterSize - inCluster;
        if (entry.IsCompressed)
            return CompressedPiece(entry, position, rest);
        // Most entries of most images.
        if (entry.Descriptor == 0 && entry.Subclusters == 0)
            return new MappedClusters(MappedKind.Unallocated, rest, 0);
        RequireSound(entry, position, offset - inCluster);
        if (_geometry.HasSubclusters)
            return SubclusterPiece(entry, position, inCluster);
        if (entry.HasZeroFlag)
            return new MappedClusters(MappedKind.Zero, rest, 0);
        RequireInFile((long)entry.HostOffset, entry, position);
        return new MappedClusters(MappedKind.Data, rest, (long)entry.HostOffset + inCluster);
    }

    private MappedClusters CompressedPiece(L2Entry entry, long position, int rest)
    {
        if (_isExternal)
            throw Corrupt("a cluster is compressed, which clusters of an external data file cannot be", "L2 entry", position, entry.Descriptor);
        if (entry.IsCopied)
            throw Corrupt("a compressed cluster is marked as not shared, which only plain ones are", "L2 entry", position, entry.Descriptor);
        CompressedCluster cluster = CompressedCluster.Decode(entry.Descriptor, _geometry.ClusterBits);
        if (cluster.Offset >= _dataLimit || cluster.Offset < _geometry.ClusterSize)
            throw Corrupt("the data of a compressed cluster lies beyond the end of the file, or inside the header", "L2 entry", position, entry.Descriptor);
        return new MappedClusters(MappedKind.Compressed, rest, (long)entry.Descriptor);
    }

    private MappedClusters SubclusterPiece(L2Entry entry, long position, int inCluster)
    {
        int first = inCluster / _geometry.SubclusterSize;
        uint allocated = entry.Allocated >> first;
        uint zeroes = entry.Zeroes >> first;
        // A run lasts as long as both bitmaps stay what they are at its start; above their top they count as changed.
        uint changes = (allocated ^ ((allocated & 1) != 0 ? uint.MaxValue : 0)) | (zeroes ^ ((zeroes & 1) != 0 ? uint.MaxValue : 0));
        int count = Math.Min(TrailingZeroes(changes), Qcow2Geometry.SubclustersPerCluster - first);
        long length = ((long)(first + count) * _geometry.SubclusterSize) - inCluster;
        if ((zeroes & 1) != 0)
            return new MappedClusters(MappedKind.Zero, length, 0);
        if ((allocated & 1) == 0)
            return new MappedClusters(MappedKind.Unallocated, length, 0);
        RequireInFile((long)entry.HostOffset + ((long)(first + count - 1) * _geometry.SubclusterSize), entry, position);
        return new MappedClusters(MappedKind.Data, length, (long)entry.HostOffset + inCluster);
    }

    private void RequireSound(L2Entry entry, long position, long guestCluster)
    {
        bool hasZeroFlag = entry.HasZeroFlag;
        if (entry.ReservedBits != 0 || (hasZeroFlag && _geometry.HasSubclusters))
            throw Corrupt("an L2 entry has reserved bits set", "L2 entry", position, entry.Descriptor);
        if (hasZeroFlag && _isVersion2)
            throw Corrupt("an image of version 2 has a zero cluster, which only version 3 knows", "L2 entry", position, entry.Descriptor);
        if (!_geometry.IsAligned(entry.HostOffset))
            throw Corrupt("a data cluster is not aligned to a cluster", "L2 entry", position, entry.Descriptor);
        bool isMapped = entry.HostOffset != 0 || (_isExternal && entry.IsCopied);
        if (!isMapped && !hasZeroFlag && entry.IsCopied)
            throw Corrupt("a data cluster lies inside the header", "L2 entry", position, entry.Descriptor);
        if (!isMapped && entry.Allocated != 0)
            throw Corrupt("subclusters are allocated without a cluster", "L2 entry", position + 8, entry.Subclusters);
        if ((entry.Allocated & entry.Zeroes) != 0)
            throw Corrupt("a subcluster has data and reads as zeroes", "L2 entry", position + 8, entry.Subclusters);
        if (_isExternal && isMapped && (long)entry.HostOffset != guestCluster)
            throw Corrupt("a cluster of an external data file does not lie where the guest has it", "L2 entry", position, entry.Descriptor);
    }

    /// <summary>A file may end inside its last cluster, whose rest is zeroes, but not before it.</summary>
    private void RequireInFile(long hostOffset, L2Entry entry, long position)
    {
        if (hostOffset >= _dataLimit)
            throw Corrupt("a data cluster lies beyond the end of the file", "L2 entry", position, entry.Descriptor);
    }

    private static int TrailingZeroes(uint value)
    {
#if NET
        return System.Numerics.BitOperations.TrailingZeroCount(value);
#else
        int count = 0;
        while (count < 32 && (value >> count & 1) == 0)
            count++;
        return count;
#endif
    }

    private DiskImageException Corrupt(string rule, string structure, long position, ulong value)
        => new(ErrorKind.ImageCorrupt, rule, _storage.Path) { Structure = structure, Offset = position, Value = value };
}
