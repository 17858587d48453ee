using System;
using System.Buffers.Binary;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;

namespace Qed.Formats.Vmdk;

/// <summary>
/// Fills a fresh streamOptimized image, laid out as VMware's exports are: header, descriptor, grains in guest order, each
/// table behind its grains, then the directory, the footer and the end marker. Whatever reads it as a stream meets
/// everything in order; only one table and the directory are held in memory.
/// </summary>
internal sealed class StreamImageWriter : ImageWriter
{
    // Where VMware's exports start their grains.
    private const int Overhead = 128;
    private const int EntriesPerTable = SparseHeader.DefaultEntriesPerTable;
    private const int TableBytes = EntriesPerTable * SparseHeader.EntrySize;

    private readonly BlockStorage _target;
    private readonly string _name;
    private readonly int _grainBytes;
    private readonly SparseHeader _shape;
    private readonly byte[] _descriptor;
    private readonly uint[] _directory;
    private readonly byte[] _table = new byte[SparseHeader.SectorSize + TableBytes];
    private long _currentTable = -1;
    private long _nextSector = Overhead;

    /// <param name="target">The empty file.</param>
    /// <param name="grain">Bytes in a grain.</param>
    /// <param name="size">Bytes of the guest's disk.</param>
    internal StreamImageWriter(ImageTarget target, int grain, long size)
    {
        if (target.FixedLength is not null)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a stream-optimized VMDK image is read from its end, which a block device does not tell", target.Target)
            {
                Remedy = new(RemedyKind.ChooseDynamic),
            };
        }

        _target = target.Storage;
        _name = target.Target;
        _grainBytes = grain;
        _shape = new SparseHeader
        {
            Version = SparseHeader.VersionOfStreams,
            Flags = SparseFlags.NewLineTest | SparseFlags.Compressed | SparseFlags.Markers,
            Capacity = size / SparseHeader.SectorSize,
            GrainSectors = grain / SparseHeader.SectorSize,
            DescriptorSector = SparseLayout.DescriptorSector,
            DescriptorSectors = DescriptorWriter.EmbeddedSectors,
            Directory = SparseHeader.DirectoryAtEnd,
            Overhead = Overhead,
            Compression = SparseHeader.Deflated,
        };
        _descriptor = EmbeddedDescriptor.Create(target, "streamOptimized", _shape.Capacity, parentId: null, parentName: null);
        _directory = new uint[_shape.Tables];
    }

    public override int Grain => _grainBytes;

    /// <summary>Sets aside what the range can take at most; what is to be written is encoded first.</summary>
    public override void Reserve(GuestOffset offset, long length)
    {
        long last = (offset.Value + length - 1) / _grainBytes;
        for (long grain = offset.Value / _grainBytes; grain <= last; grain++)
            Place(grain, CompressedGrains.MostSectors(_grainBytes));
    }

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer) => throw new NotSupportedException("Data of a stream is encoded first.");

    public override void WriteZeroes(GuestOffset offset, long length)
    {
    }

    public override void Complete()
    {
        CloseTable();
        long directory = WriteDirectory();
        WriteEnd(directory);
        Span<byte> sector = stackalloc byte[SparseHeader.Size];
        _target.Write(SparseLayout.DescriptorSector * SparseHeader.SectorSize, _descriptor);
        _shape.Write(sector);
        _target.Write(0, sector);
        _target.Flush();
    }

    internal override EncodedPiece Encode(GuestOffset offset, ReadOnlySpan<byte> buffer) => new CompressedGrains(offset, buffer, _grainBytes);

    internal override void Reserve(EncodedPiece piece)
    {
        var grains = (CompressedGrains)piece;
        for (int i = 0; i < grains.Count; i++)
            grains.Place(i, Place(grains.FirstGrain + i, grains.SectorsOf(i)));
    }

    internal override void Write(EncodedPiece piece)
    {
        var grains = (CompressedGrains)piece;
        for (int i = 0; i < grains.Count;)
        {
            (long sector, ReadOnlyMemory<byte> bytes, i) = grains.RunFrom(i);
            _target.Write(sector * SparseHeader.SectorSize, bytes.Span);
        }
    }

    private long Place(long grain, long sectors)
    {
        OpenTable(grain / EntriesPerTable);
        long sector = Take(sectors);
        int entry = SparseHeader.SectorSize + ((int)(grain % EntriesPerTable) * SparseHeader.EntrySize);
        BinaryPrimitives.WriteUInt32LittleEndian(_table.AsSpan(entry), (uint)sector);
        return sector;
    }

    private long Take(long sectors)
    {
        if (_nextSector > uint.MaxValue - sectors)
            throw new DiskImageException(ErrorKind.InvalidSize, "a stream-optimized VMDK image cannot hold this much data: its file would exceed 2 TiB", _name);
        long sector = _nextSector;
        _nextSector += sectors;
        return sector;
    }

    private void OpenTable(long table)
    {
        if (table == _currentTable)
            return;
        CloseTable();
        _currentTable = table;
        Array.Clear(_table, 0, _table.Length);
    }

    /// <summary>Writes the table whose last grain has its place: grains come in guest order.</summary>
    private void CloseTable()
    {
        if (_currentTable < 0)
            return;
        StreamMarker.WriteSector(_table, StreamMarkerType.GrainTable, TableBytes / SparseHeader.SectorSize);
        long marker = Take(_table.Length / SparseHeader.SectorSize);
        _target.Write(marker * SparseHeader.SectorSize, _table);
        _directory[_currentTable] = (uint)marker + 1;
        _currentTable = -1;
    }

    private long WriteDirectory()
    {
        long sectors = SparseLayout.SectorsFor((long)_directory.Length * SparseHeader.EntrySize);
        byte[] bytes = new byte[(1 + sectors) * SparseHeader.SectorSize];
        StreamMarker.WriteSector(bytes, StreamMarkerType.GrainDirectory, sectors);
        for (int i = 0; i < _directory.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(SparseHeader.SectorSize + (i * SparseHeader.EntrySize)), _directory[i]);
        long marker = Take(1 + sectors);
        _target.Write(marker * SparseHeader.SectorSize, bytes);
        return marker + 1;
    }

    /// <summary>Footer and end marker: with them the reader of a stream learns where the directory was.</summary>
    private void WriteEnd(long directory)
    {
        const int Sectors = 3;
        Span<byte> bytes = stackalloc byte[Sectors * SparseHeader.SectorSize];
        StreamMarker.WriteSector(bytes, StreamMarkerType.Footer, 1);
        SparseHeader footer = _shape with { Directory = (ulong)directory };
        footer.Write(bytes.Slice(SparseHeader.SectorSize));
        StreamMarker.WriteSector(bytes.Slice(2 * SparseHeader.SectorSize), StreamMarkerType.EndOfStream, 0);
        _target.Write(Take(Sectors) * SparseHeader.SectorSize, bytes);
    }
}
