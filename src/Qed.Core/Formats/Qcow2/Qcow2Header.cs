using System;
using System.Buffers.Binary;
using Qed.Images;

namespace Qed.Formats.Qcow2;

/// <summary>The header of an image, with what its extensions say. All fields have passed their bounds.</summary>
internal sealed record Qcow2Header
{
    /// <summary>"QFI\xfb", big-endian.</summary>
    internal const uint Magic = 0x514649fb;

    internal const int Version2Length = 72;
    internal const int Version3Length = 104;

    /// <summary>Bytes of the header that we write: with the compression type.</summary>
    internal const int Length = 112;

    internal const int CompressionTypeOffset = 104;

    /// <summary>Bytes of the longest backing file name.</summary>
    internal const int MaximumNameLength = 1023;

    /// <summary>The only width of reference counts in version 2, and the one that we write: 16 bits.</summary>
    internal const int DefaultRefcountOrder = 4;

    internal required int Version { get; init; }

    internal required Qcow2Geometry Geometry { get; init; }

    /// <summary>Bytes of the guest's disk.</summary>
    internal required long Size { get; init; }

    internal required L1Table L1Table { get; init; }

    internal required long RefcountTableOffset { get; init; }

    internal required int RefcountTableClusters { get; init; }

    internal int RefcountOrder { get; init; } = DefaultRefcountOrder;

    internal int SnapshotCount { get; init; }

    internal long SnapshotsOffset { get; init; }

    internal Encryption Encryption { get; init; }

    internal IncompatibleFeatures Incompatible { get; init; }

    internal CompatibleFeatures Compatible { get; init; }

    internal AutoclearFeatures Autoclear { get; init; }

    internal CompressionType Compression { get; init; }

    internal BackingReference? Backing { get; init; }

    /// <summary>The persistent bitmaps that are valid.</summary>
    internal BitmapDirectory Bitmaps { get; init; }

    /// <summary>The data file as the image names it; null where it does not.</summary>
    internal string? DataFileName { get; init; }

    internal bool Has(IncompatibleFeatures feature) => (Incompatible & feature) != 0;

    /// <summary>Writes the fixed part of a version 3 header without encryption and snapshots.</summary>
    /// <param name="bytes">Receives <see cref="Length"/> bytes.</param>
    /// <param name="nameOffset">Where the backing file name stands; zero without one.</param>
    /// <param name="nameLength">Bytes of the backing file name.</param>
    internal void Write(Span<byte> bytes, int nameOffset, int nameLength)
    {
        bytes.Slice(0, Length).Clear();
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(4), 3);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(8), nameOffset);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(16), nameLength);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(20), Geometry.ClusterBits);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(24), Size);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(36), L1Table.Entries);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(40), L1Table.Offset);
        BinaryPrimitives.WriteInt64BigEndian(bytes.Slice(48), RefcountTableOffset);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(56), RefcountTableClusters);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(96), RefcountOrder);
        BinaryPrimitives.WriteInt32BigEndian(bytes.Slice(100), Length);
    }
}

/// <summary>How the guest's data is encrypted.</summary>
internal enum Encryption
{
    None = 0,
    Aes = 1,
    Luks = 2,
}

/// <summary>What compressed clusters hold.</summary>
internal enum CompressionType
{
    Deflate = 0,
    Zstd = 1,
}
