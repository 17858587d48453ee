using System;
using System.Buffers.Binary;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>
/// A header (MS-VHDX 2.2.2): there are two, so that one can be overwritten while the other holds. The one that is intact
/// and has the higher sequence number counts.
/// </summary>
internal sealed record VhdxHeader
{
    internal const int Size = 4096;
    internal const long FirstOffset = 64 << 10;
    internal const long SecondOffset = 128 << 10;

    private const uint Signature = 0x64616568; // "head"
    private const ushort KnownVersion = 1;

    internal required ulong SequenceNumber { get; init; }

    internal Guid FileWriteGuid { get; init; }

    /// <summary>Changes when the guest's data does; what rests on this image remembers it.</summary>
    internal Guid DataWriteGuid { get; init; }

    /// <summary>Zero where the log is empty, else what the log's valid entries bear.</summary>
    internal Guid LogGuid { get; init; }

    internal ushort LogVersion { get; init; }

    internal ushort Version { get; init; } = KnownVersion;

    internal FileRange Log { get; init; }

    internal bool HasLog => LogGuid != Guid.Empty;

    /// <summary>Reads the header that counts.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt, UnsupportedFeature.</exception>
    internal static VhdxHeader ReadCurrent(BlockStorage storage)
    {
        byte[] first = new byte[Size];
        byte[] second = new byte[Size];
        storage.ReadOrZero(FirstOffset, first);
        storage.ReadOrZero(SecondOffset, second);
        VhdxHeader? a = TryParse(first);
        VhdxHeader? b = TryParse(second);
        if (a is not null && b is not null && a.SequenceNumber == b.SequenceNumber && !first.AsSpan().SequenceEqual(second))
            throw VhdxFault.Corrupt(storage.Path, "the two headers differ, and have the same sequence number", "header field SequenceNumber", FirstOffset + 8, a.SequenceNumber);
        bool isFirst = b is null || a?.SequenceNumber >= b.SequenceNumber;
        VhdxHeader current = (isFirst ? a : b)
            ?? throw VhdxFault.Corrupt(storage.Path, "neither of the two headers is intact: their signatures or checksums are wrong", "header", FirstOffset);
        current.Validate(storage.Path, isFirst ? FirstOffset : SecondOffset);
        return current;
    }

    internal byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Signature);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), SequenceNumber);
        VhdxIds.Write(FileWriteGuid, bytes.AsSpan(16));
        VhdxIds.Write(DataWriteGuid, bytes.AsSpan(32));
        VhdxIds.Write(LogGuid, bytes.AsSpan(48));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(64), LogVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(66), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(68), (uint)Log.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(72), Log.Offset);
        VhdxChecksum.Set(bytes);
        return bytes;
    }

    private static VhdxHeader? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Signature || !VhdxChecksum.IsValid(bytes))
            return null;
        return new VhdxHeader
        {
            SequenceNumber = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(8)),
            FileWriteGuid = VhdxIds.Read(bytes.Slice(16)),
            DataWriteGuid = VhdxIds.Read(bytes.Slice(32)),
            LogGuid = VhdxIds.Read(bytes.Slice(48)),
            LogVersion = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Slice(64)),
            Version = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Slice(66)),
            Log = new FileRange(
                BinaryPrimitives.ReadInt64LittleEndian(bytes.Slice(72)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(68))),
        };
    }

    private void Validate(string path, long offset)
    {
        const int Megabyte = VhdxGeometry.Megabyte;
        if (Version != KnownVersion)
            throw VhdxFault.Unsupported(path, $"the image has version {Version} of the format; 1 is supported", "header field Version", offset + 66, Version);
        if (HasLog && LogVersion != 0)
            throw VhdxFault.Unsupported(path, $"the log holds changes and has version {LogVersion}; 0 is supported", "header field LogVersion", offset + 64, LogVersion);
        if (Log.Length % Megabyte != 0 || (HasLog && Log.Length == 0))
            throw VhdxFault.Corrupt(path, "the length of the log is not a multiple of 1 MiB", "header field LogLength", offset + 68, (ulong)Log.Length);
        if (Log.Length != 0 && (Log.Offset < Megabyte || Log.Offset % Megabyte != 0 || Log.Offset > long.MaxValue - Log.Length))
            throw VhdxFault.Corrupt(path, "the log does not lie at a multiple of 1 MiB behind the headers", "header field LogOffset", offset + 72, (ulong)Log.Offset);
    }
}
