using System;
using System.Buffers.Binary;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;

namespace Qed.Formats.Vmdk;

/// <summary>
/// Fills a fresh monolithicSparse image: header, descriptor, both directories with all their tables, grains in guest
/// order. Tables exist for the whole disk, since other programs that write to it later can add grains but no tables.
/// </summary>
internal sealed class SparseImageWriter : MappedImageWriter
{
    private const int LargestPiece = 1 << 16;
    private const uint ZeroGrain = 1;

    private readonly string _name;
    private readonly long _grainBytes;
    private readonly SparseHeader _shape;
    private readonly SparseLayout _layout;
    private readonly byte[] _descriptor;
    private readonly bool _hasParent;
    private readonly GrainTableWriter _tables;
    private readonly object _lock = new();
    private long _nextSector;
    private readonly Preallocation? _preallocation;
    private bool _hasZeroGrains;

    /// <param name="target">The empty file.</param>
    /// <param name="grain">Bytes in a grain.</param>
    /// <param name="size">Bytes of the guest's disk.</param>
    /// <param name="backing">The parent as it is to be stored; null for none.</param>
    /// <param name="parent">The opened parent, whose id is stored as well.</param>
    internal SparseImageWriter(ImageTarget target, int grain, long size, BackingReference? backing, VmdkImage? parent)
        : base(target.Storage)
    {
        _name = target.Target;
        _grainBytes = grain;
        _hasParent = parent is not null;
        _shape = new SparseHeader
        {
            Version = 1,
            Flags = SparseFlags.NewLineTest | SparseFlags.RedundantDirectory,
            Capacity = size / SparseHeader.SectorSize,
            GrainSectors = grain / SparseHeader.SectorSize,
        };
        _layout = new SparseLayout(_shape);
        _descriptor = EmbeddedDescriptor.Create(target, "monolithicSparse", _shape.Capacity, parent?.ContentId, backing?.Name);
        _nextSector = _layout.Overhead;
        _tables = new GrainTableWriter(Target, _layout.FirstTable * SparseHeader.SectorSize, _layout.RedundantTables * SparseHeader.SectorSize);
        // Not where grains are filled in part and the rest stays a hole.
        if (Grain == _grainBytes)
            _preallocation = new Preallocation(Target, _layout.Overhead * SparseHeader.SectorSize);
    }

    // Over a parent a grain is the least that can be written: its rest would no longer come from there.
    public override int Grain => _hasParent ? (int)_grainBytes : (int)Math.Min(_grainBytes, LargestPiece);

    public override void Reserve(GuestOffset offset, long length)
    {
        lock (_lock)
        {
            for (long grain = offset.Value / _grainBytes; grain * _grainBytes < offset.Value + length; grain++)
            {
                ref uint entry = ref _tables.EntryOf(grain);
                if (entry <= ZeroGrain)
                    entry = TakeGrain();
            }

            _preallocation?.Reach(_nextSector * SparseHeader.SectorSize);
        }
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        if (!_hasParent)
            return;
        lock (_lock)
        {
            for (long grain = offset.Value / _grainBytes; grain * _grainBytes < offset.Value + length; grain++)
            {
                ref uint entry = ref _tables.EntryOf(grain);
                if (entry == 0)
                    entry = ZeroGrain;
            }

            _hasZeroGrains |= length > 0;
        }
    }

    public override void Complete()
    {
        Target.SetLength(_nextSector * SparseHeader.SectorSize);
        _tables.Complete();
        WriteDirectory(_layout.Directory, _layout.FirstTable);
        WriteDirectory(_layout.RedundantDirectory, _layout.RedundantTables);
        Target.Write(SparseLayout.DescriptorSector * SparseHeader.SectorSize, _descriptor);
        WriteHeader();
        Target.Flush();
    }

    private uint TakeGrain()
    {
        if (_nextSector > uint.MaxValue - _shape.GrainSectors)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, "a sparse VMDK extent cannot hold this much data: its file would exceed 2 TiB", _name)
            {
                Remedy = new(RemedyKind.ChooseFixed),
            };
        }

        var sector = (uint)_nextSector;
        _nextSector += _shape.GrainSectors;
        return sector;
    }

    protected override (long Host, long Count) FindRun(GuestOffset offset, long wanted)
    {
        lock (_lock)
        {
            long grain = offset.Value / _grainBytes;
            long within = offset.Value % _grainBytes;
            long first = _tables.EntryOf(grain);
            if (first <= ZeroGrain)
                throw new InvalidOperationException("The range was not reserved.");
            long count = _grainBytes - within;
            long next = first + _shape.GrainSectors;
            while (count < wanted && _tables.EntryOf(++grain) == next)
            {
                count += _grainBytes;
                next += _shape.GrainSectors;
            }

            return ((first * SparseHeader.SectorSize) + within, Math.Min(count, wanted));
        }
    }

    private void WriteDirectory(long sector, long firstTable)
    {
        byte[] bytes = new byte[_layout.Tables * SparseHeader.EntrySize];
        for (int table = 0; table < _layout.Tables; table++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(table * SparseHeader.EntrySize), (uint)SparseLayout.TableSector(firstTable, table));
        Target.Write(sector * SparseHeader.SectorSize, bytes);
    }

    private void WriteHeader()
    {
        SparseHeader header = _shape with
        {
            Version = _hasZeroGrains ? SparseHeader.VersionWithZeroGrains : _shape.Version,
            Flags = _shape.Flags | (_hasZeroGrains ? SparseFlags.ZeroGrains : SparseFlags.None),
            DescriptorSector = SparseLayout.DescriptorSector,
            DescriptorSectors = DescriptorWriter.EmbeddedSectors,
            RedundantDirectory = (ulong)_layout.RedundantDirectory,
            Directory = (ulong)_layout.Directory,
            Overhead = _layout.Overhead,
        };
        Span<byte> sector = stackalloc byte[SparseHeader.Size];
        header.Write(sector);
        Target.Write(0, sector);
    }
}
