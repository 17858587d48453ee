using System;
using System.Buffers.Binary;

namespace Qed.Formats.Vmdk;

/// <summary>The header of a hosted sparse extent (VMDK specification 5.0, "Hosted Sparse Extents"). All places are sectors.</summary>
internal sealed record SparseHeader
{
    internal const int SectorSize = 512;
    internal const int Size = SectorSize;
    internal const uint Magic = 0x564d444b;
    internal const ushort NotCompressed = 0;
    internal const ushort Deflated = 1;
    internal const int VersionWithZeroGrains = 2;
    internal const int VersionOfStreams = 3;
    internal const int DefaultEntriesPerTable = 512;
    internal const int EntrySize = 4;

    /// <summary>A directory's place where only the footer tells it.</summary>
    internal const ulong DirectoryAtEnd = ulong.MaxValue;

    internal required int Version { get; init; }

    internal required SparseFlags Flags { get; init; }

    /// <summary>Sectors of the guest's disk that the extent holds.</summary>
    internal required long Capacity { get; init; }

    /// <summary>Sectors in a grain, a power of two.</summary>
    internal required long GrainSectors { get; init; }

    internal long DescriptorSector { get; init; }

    internal long DescriptorSectors { get; init; }

    internal int EntriesPerTable { get; init; } = DefaultEntriesPerTable;

    internal ulong RedundantDirectory { get; init; }

    internal ulong Directory { get; init; }

    /// <summary>Sectors before the first grain.</summary>
    internal long Overhead { get; init; }

    internal bool UncleanShutdown { get; init; }

    internal ushort Compression { get; init; }

    internal bool IsCompressed => (Flags & SparseFlags.Compressed) != 0;

    internal bool HasZeroGrains => (Flags & SparseFlags.ZeroGrains) != 0;

    internal long GrainBytes => GrainSectors * SectorSize;

    internal long Grains => (Capacity + GrainSectors - 1) / GrainSectors;

    /// <summary>Entries of the grain directory.</summary>
    internal long Tables => (Grains + EntriesPerTable - 1) / EntriesPerTable;

    /// <summary>Lays the header out in a sector.</summary>
    internal void Write(Span<byte> sector)
    {
        sector.Slice(0, Size).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(sector, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(sector.Slice(4), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(sector.Slice(8), (uint)Flags);
        BinaryPrimitives.WriteInt64LittleEndian(sector.Slice(12), Capacity);
        BinaryPrimitives.WriteInt64LittleEndian(sector.Slice(20), GrainSectors);
        BinaryPrimitives.WriteInt64LittleEndian(sector.Slice(28), DescriptorSector);
        BinaryPrimitives.WriteInt64LittleEndian(sector.Slice(36), DescriptorSectors);
        BinaryPrimitives.WriteInt32LittleEndian(sector.Slice(44), EntriesPerTable);
        BinaryPrimitives.WriteUInt64LittleEndian(sector.Slice(48), RedundantDirectory);
        BinaryPrimitives.WriteUInt64LittleEndian(sector.Slice(56), Directory);
        BinaryPrimitives.WriteInt64LittleEndian(sector.Slice(64), Overhead);
        sector[72] = UncleanShutdown ? (byte)1 : (byte)0;
        "\n \r\n"u8.CopyTo(sector.Slice(73));
        BinaryPrimitives.WriteUInt16LittleEndian(sector.Slice(77), Compression);
    }
}
