using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Formats.Vhdx;

namespace Qed.Tests.Formats.Vhdx;

/// <summary>Makes an entry of a log, as Hyper-V would leave it behind.</summary>
internal sealed class LogEntryBuilder(Guid logGuid, ulong sequence)
{
    private const int Sector = 4096;

    private readonly List<byte[]> _descriptors = [];
    private readonly List<byte[]> _sectors = [];

    internal uint Tail { get; init; }

    internal ulong FlushedFileOffset { get; init; }

    internal ulong LastFileOffset { get; init; }

    /// <summary>Adds a write of 4 KiB.</summary>
    internal LogEntryBuilder Data(long offset, ReadOnlySpan<byte> bytes)
    {
        byte[] descriptor = Descriptor("desc"u8, offset);
        bytes.Slice(Sector - 4, 4).CopyTo(descriptor.AsSpan(4));
        bytes.Slice(0, 8).CopyTo(descriptor.AsSpan(8));
        byte[] sector = bytes.Slice(0, Sector).ToArray();
        "data"u8.CopyTo(sector);
        BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(4), (uint)(sequence >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(Sector - 4), (uint)sequence);
        _descriptors.Add(descriptor);
        _sectors.Add(sector);
        return this;
    }

    internal LogEntryBuilder Zeroes(long offset, long length)
    {
        byte[] descriptor = Descriptor("zero"u8, offset);
        BinaryPrimitives.WriteInt64LittleEndian(descriptor.AsSpan(8), length);
        _descriptors.Add(descriptor);
        return this;
    }

    internal byte[] Build()
    {
        int sectors = (64 + (32 * _descriptors.Count) + Sector - 1) / Sector;
        byte[] entry = new byte[(sectors + _sectors.Count) * Sector];
        "loge"u8.CopyTo(entry);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(8), entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(12), Tail);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(16), sequence);
        BinaryPrimitives.WriteInt32LittleEndian(entry.AsSpan(24), _descriptors.Count);
        logGuid.ToByteArray().CopyTo(entry, 32);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(48), FlushedFileOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(56), LastFileOffset);
        for (int i = 0; i < _descriptors.Count; i++)
            _descriptors[i].CopyTo(entry, 64 + (32 * i));
        for (int i = 0; i < _sectors.Count; i++)
            _sectors[i].CopyTo(entry, (sectors + i) * Sector);
        VhdxChecksum.Set(entry);
        return entry;
    }

    private byte[] Descriptor(ReadOnlySpan<byte> signature, long offset)
    {
        byte[] descriptor = new byte[32];
        signature.CopyTo(descriptor);
        BinaryPrimitives.WriteInt64LittleEndian(descriptor.AsSpan(16), offset);
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor.AsSpan(24), sequence);
        return descriptor;
    }
}
