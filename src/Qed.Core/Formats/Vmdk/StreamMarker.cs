using System;
using System.Buffers.Binary;
using Qed.Storage;

namespace Qed.Formats.Vmdk;

/// <summary>What follows a marker that has no size.</summary>
internal enum StreamMarkerType : uint
{
    EndOfStream = 0,
    GrainTable = 1,
    GrainDirectory = 2,
    Footer = 3,
}

/// <summary>
/// A marker of a stream-optimized extent: twelve bytes before a compressed grain, or a sector of its own before a table,
/// the directory, the footer, and at the end.
/// </summary>
/// <param name="Value">A grain's first sector on the guest's disk; else the number of sectors that follow.</param>
/// <param name="DataSize">Bytes of compressed data behind the marker; zero for all but grains.</param>
/// <param name="Type">What follows, where it is no grain.</param>
internal readonly record struct StreamMarker(ulong Value, uint DataSize, StreamMarkerType Type)
{
    /// <summary>Bytes before the data of a grain.</summary>
    internal const int GrainHeaderSize = 12;

    private const int FieldsSize = 16;

    internal bool IsGrain => DataSize != 0;

    /// <summary>Reads the fields at an offset; null where the file ends before.</summary>
    internal static StreamMarker? Read(BlockStorage file, long offset)
    {
        Span<byte> bytes = stackalloc byte[FieldsSize];
        return file.Read(offset, bytes) == FieldsSize ? Parse(bytes, (StreamMarkerType)BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(12))) : null;
    }

    /// <summary>The header of a compressed grain.</summary>
    internal static StreamMarker ParseGrain(ReadOnlySpan<byte> bytes) => Parse(bytes, StreamMarkerType.EndOfStream);

    /// <summary>Writes the header of a compressed grain.</summary>
    internal static void WriteGrain(Span<byte> bytes, long guestSector, int dataSize)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, guestSector);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.Slice(8), dataSize);
    }

    /// <summary>Writes a marker that is a sector of its own.</summary>
    internal static void WriteSector(Span<byte> sector, StreamMarkerType type, long sectorsBehind)
    {
        sector.Slice(0, SparseHeader.SectorSize).Clear();
        BinaryPrimitives.WriteInt64LittleEndian(sector, sectorsBehind);
        BinaryPrimitives.WriteUInt32LittleEndian(sector.Slice(12), (uint)type);
    }

    private static StreamMarker Parse(ReadOnlySpan<byte> bytes, StreamMarkerType type)
        => new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(8)), type);
}
