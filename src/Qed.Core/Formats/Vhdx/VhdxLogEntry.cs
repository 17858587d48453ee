using System;
using System.Buffers.Binary;
using Qed.Bits;

namespace Qed.Formats.Vhdx;

/// <summary>
/// An entry of the log (MS-VHDX 2.3.1): a header and descriptors, then a sector for each data descriptor. It may wrap
/// around the end of the log.
/// </summary>
internal sealed class VhdxLogEntry
{
    internal const int SectorSize = 4096;

    private const uint Signature = 0x65676f6c; // "loge"
    private const uint DataDescriptorSignature = 0x63736564; // "desc"
    private const uint ZeroDescriptorSignature = 0x6f72657a; // "zero"
    private const uint DataSectorSignature = 0x61746164; // "data"
    private const int HeaderSize = 64;
    private const int DescriptorSize = 32;

    private readonly byte[] _log;
    private readonly int _descriptorCount;

    private VhdxLogEntry(byte[] log, int offset, ReadOnlySpan<byte> header)
    {
        _log = log;
        Offset = offset;
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(8));
        Length = length <= log.Length ? (int)length : 0;
        Tail = BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(12));
        SequenceNumber = BinaryPrimitives.ReadUInt64LittleEndian(header.Slice(16));
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(24));
        _descriptorCount = (int)Math.Min(count, int.MaxValue);
        FlushedFileOffset = BinaryPrimitives.ReadUInt64LittleEndian(header.Slice(48));
        LastFileOffset = BinaryPrimitives.ReadUInt64LittleEndian(header.Slice(56));
    }

    /// <summary>Where it starts in the log.</summary>
    internal int Offset { get; }

    /// <summary>Bytes from its header to the end of its last data sector.</summary>
    internal int Length { get; }

    /// <summary>Where the oldest entry starts whose changes may be missing in the file.</summary>
    internal uint Tail { get; }

    internal ulong SequenceNumber { get; }

    /// <summary>A length that the file had for certain.</summary>
    internal ulong FlushedFileOffset { get; }

    /// <summary>The length that the file needs to hold all its structures.</summary>
    internal ulong LastFileOffset { get; }

    private int DescriptorSectors => (int)((HeaderSize + ((long)_descriptorCount * DescriptorSize) + SectorSize - 1) / SectorSize);

    /// <summary>The entry at an offset of the log.</summary>
    /// <param name="log">The whole log.</param>
    /// <param name="offset">A multiple of 4096 within it.</param>
    /// <param name="logGuid">What valid entries bear.</param>
    /// <param name="budget">Bytes that may still be looked at; goes down.</param>
    /// <returns>Null where there is no entry, or none that is whole.</returns>
    internal static VhdxLogEntry? TryRead(byte[] log, int offset, Guid logGuid, ref long budget)
    {
        ReadOnlySpan<byte> header = log.AsSpan(offset, HeaderSize);
        if (!IsMarked(header, logGuid))
            return null;
        var entry = new VhdxLogEntry(log, offset, header);
        if (!entry.HasValidHeader)
            return null;
        budget -= entry.Length;
        return budget >= 0 && entry.HasValidChecksum && entry.HasValidDescriptors ? entry : null;
    }

    /// <summary>Whether a sector starts as an entry of a log does, sound or not.</summary>
    internal static bool IsMarked(ReadOnlySpan<byte> sector, Guid logGuid)
        => BinaryPrimitives.ReadUInt32LittleEndian(sector) == Signature && VhdxIds.Read(sector.Slice(32)) == logGuid;

    /// <summary>Hands over the changes in order, with data sectors made whole in the log's own memory.</summary>
    internal void Replay(Action<VhdxLogPatch> apply)
    {
        int dataSector = DescriptorSectors;
        for (int i = 0; i < _descriptorCount; i++)
        {
            ReadOnlySpan<byte> descriptor = Descriptor(i);
            long target = BinaryPrimitives.ReadInt64LittleEndian(descriptor.Slice(16));
            if (IsZero(descriptor))
            {
                apply(new VhdxLogPatch(target, BinaryPrimitives.ReadInt64LittleEndian(descriptor.Slice(8)), VhdxLogPatch.Zeroes));
                continue;
            }

            int at = SectorOffset(dataSector++);
            descriptor.Slice(8, 8).CopyTo(_log.AsSpan(at));
            descriptor.Slice(4, 4).CopyTo(_log.AsSpan(at + SectorSize - 4));
            apply(new VhdxLogPatch(target, SectorSize, at));
        }
    }

    private bool HasValidHeader
        => Length >= SectorSize && Length % SectorSize == 0
            && Tail % SectorSize == 0 && Tail < (uint)_log.Length
            && SequenceNumber != 0
            && (long)DescriptorSectors * SectorSize <= Length;

    private bool HasValidChecksum
    {
        get
        {
            int beforeWrap = Math.Min(Length, _log.Length - Offset);
            ReadOnlySpan<byte> first = _log.AsSpan(Offset, beforeWrap);
            uint crc = VhdxChecksum.Of(first);
            return Crc32C.Append(crc, _log.AsSpan(0, Length - beforeWrap)) == VhdxChecksum.Stored(first);
        }
    }

    private bool HasValidDescriptors
    {
        get
        {
            int dataSector = DescriptorSectors;
            for (int i = 0; i < _descriptorCount; i++)
            {
                ReadOnlySpan<byte> descriptor = Descriptor(i);
                bool isZero = IsZero(descriptor);
                if (!HasValidTarget(descriptor, isZero))
                    return false;
                if (!isZero && !IsDataSector(dataSector++))
                    return false;
            }

            return true;
        }
    }

    private bool HasValidTarget(ReadOnlySpan<byte> descriptor, bool isZero)
    {
        uint signature = BinaryPrimitives.ReadUInt32LittleEndian(descriptor);
        ulong length = isZero ? BinaryPrimitives.ReadUInt64LittleEndian(descriptor.Slice(8)) : SectorSize;
        ulong target = BinaryPrimitives.ReadUInt64LittleEndian(descriptor.Slice(16));
        return signature is ZeroDescriptorSignature or DataDescriptorSignature
            && BinaryPrimitives.ReadUInt64LittleEndian(descriptor.Slice(24)) == SequenceNumber
            && target % SectorSize == 0 && length % SectorSize == 0
            && target <= long.MaxValue && length <= long.MaxValue - target;
    }

    private bool IsDataSector(int index)
    {
        if ((long)(index + 1) * SectorSize > Length)
            return false;
        ReadOnlySpan<byte> sector = _log.AsSpan(SectorOffset(index), SectorSize);
        ulong high = BinaryPrimitives.ReadUInt32LittleEndian(sector.Slice(4));
        ulong low = BinaryPrimitives.ReadUInt32LittleEndian(sector.Slice(SectorSize - 4));
        return BinaryPrimitives.ReadUInt32LittleEndian(sector) == DataSectorSignature && ((high << 32) | low) == SequenceNumber;
    }

    private static bool IsZero(ReadOnlySpan<byte> descriptor)
        => BinaryPrimitives.ReadUInt32LittleEndian(descriptor) == ZeroDescriptorSignature;

    private ReadOnlySpan<byte> Descriptor(int index)
    {
        long at = HeaderSize + ((long)index * DescriptorSize);
        return _log.AsSpan(SectorOffset((int)(at / SectorSize)) + (int)(at % SectorSize), DescriptorSize);
    }

    private int SectorOffset(int index) => (int)((Offset + ((long)index * SectorSize)) % _log.Length);
}
