using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Qed.Storage;
using Qed.Units;

namespace Qed.Layout;

/// <summary>
/// Reads and validates a QED header. Each field passes its bound before anything is computed from it, and each broken
/// rule has a message of its own.
/// </summary>
internal static class QedHeaderReader
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether a file starts with QED's magic number.</summary>
    internal static bool HasMagic(ReadOnlySpan<byte> start)
        => start.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(start) == QedHeader.Magic;

    /// <summary>Reads the header of an image and checks all that can be checked without reading tables.</summary>
    /// <exception cref="DiskImageException">ImageNotRecognized, ImageCorrupt, InvalidGeometry, InvalidSize, UnsupportedFeature.</exception>
    internal static QedHeader Read(BlockStorage storage)
    {
        byte[] bytes = new byte[QedHeader.Size];
        int read = storage.Read(0, bytes);
        if (!HasMagic(bytes.AsSpan(0, read)))
            throw NotRecognized(storage.Path, bytes.AsSpan(0, read));
        if (read < QedHeader.Size)
        {
            throw Corrupt(storage.Path, "the header is truncated: a QED header has 64 bytes", "file length", 0, (ulong)read);
        }

        return Parse(bytes, storage.Path, storage.Length);
    }

    /// <summary>Reads the backing file name that a valid header points to.</summary>
    /// <returns>Null where the image has no backing file.</returns>
    /// <exception cref="DiskImageException">ImageCorrupt when the name is cut off, not UTF-8 or holds a NUL.</exception>
    internal static string? ReadBackingName(BlockStorage storage, QedHeader header)
    {
        if (!header.HasBackingFile)
            return null;
        byte[] name = new byte[header.BackingNameSize];
        if (storage.Read(header.BackingNameOffset, name) < name.Length)
            throw Corrupt(storage.Path, "the backing file name is cut off by the end of the file", "backing_filename", header.BackingNameOffset, null);
        if (Array.IndexOf(name, (byte)0) >= 0)
            throw Corrupt(storage.Path, "the backing file name holds a NUL byte", "backing_filename", header.BackingNameOffset, null);
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            throw Corrupt(storage.Path, "the backing file name is not valid UTF-8", "backing_filename", header.BackingNameOffset, null);
        }
    }

    private static QedHeader Parse(ReadOnlySpan<byte> bytes, string path, long fileLength)
    {
        uint clusterSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(4));
        uint tableSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(8));
        uint headerClusters = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(12));
        ulong features = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(16));
        ulong l1Offset = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(40));
        ulong imageSize = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(48));

        // Unknown features come first: they may change the meaning of every other field.
        RequireKnownFeatures(features, path);
        QedGeometry geometry = ReadGeometry(clusterSize, tableSize, path);
        RequireHeaderSize(headerClusters, geometry, path, fileLength);
        RequireL1Table(l1Offset, headerClusters, geometry, path, fileLength);
        RequireImageSize(imageSize, geometry, path);
        var header = new QedHeader
        {
            Geometry = geometry,
            HeaderClusters = headerClusters,
            Features = (QedFeatures)features,
            CompatibleFeatures = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(24)),
            AutoclearFeatures = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(32)),
            L1TableOffset = new HostOffset((long)l1Offset),
            ImageSize = (long)imageSize,
            BackingNameOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(56)),
            BackingNameSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Slice(60)),
        };
        RequireBackingName(header, path);
        return header;
    }

    private static void RequireKnownFeatures(ulong features, string path)
    {
        ulong unknown = features & ~(ulong)QedFeatures.Known;
        if (unknown == 0)
            return;
        var bits = new StringBuilder();
        for (int bit = 0; bit < 64; bit++)
        {
            if ((unknown >> bit & 1) != 0)
                bits.Append(bits.Length == 0 ? string.Empty : ", ").Append(bit.ToString(CultureInfo.InvariantCulture));
        }

        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the image needs unknown incompatible features: bit {bits}", path)
        {
            Structure = "header field features",
            Offset = 16,
            Value = features,
            Remedy = Remedy.Advice("It was written by a newer program, or the header is damaged."),
        };
    }

    private static QedGeometry ReadGeometry(uint clusterSize, uint tableSize, string path)
    {
        if (QedGeometry.TryCreate(clusterSize, 1) is null)
        {
            throw new DiskImageException(
                ErrorKind.InvalidGeometry,
                clusterSize is >= QedGeometry.MinimumClusterSize and <= QedGeometry.MaximumClusterSize
                    ? "the cluster size is not a power of two"
                    : "the cluster size is not between 4 KiB and 64 MiB",
                path) { Structure = "header field cluster_size", Offset = 4, Value = clusterSize };
        }

        return QedGeometry.TryCreate(clusterSize, tableSize) ?? throw new DiskImageException(
            ErrorKind.InvalidGeometry, "the table size is not 1, 2, 4, 8 or 16 clusters", path)
        {
            Structure = "header field table_size",
            Offset = 8,
            Value = tableSize,
        };
    }

    private static void RequireHeaderSize(uint headerClusters, QedGeometry geometry, string path, long fileLength)
    {
        const string Field = "header field header_size";
        if (headerClusters == 0)
            throw Corrupt(path, "the header size is zero clusters, which leaves no room for the header", Field, 12, 0);
        if (headerClusters > fileLength >> geometry.ClusterBits)
            throw Corrupt(path, "the header is larger than the file", Field, 12, headerClusters);
    }

    private static void RequireL1Table(ulong offset, uint headerClusters, QedGeometry geometry, string path, long fileLength)
    {
        const string Field = "header field l1_table_offset";
        if ((offset & (ulong)(geometry.ClusterSize - 1)) != 0)
            throw Corrupt(path, "the L1 table is not aligned to a cluster", Field, 40, offset);
        if (offset < (ulong)headerClusters << geometry.ClusterBits)
            throw Corrupt(path, "the L1 table lies inside the header", Field, 40, offset);
        if (offset > (ulong)fileLength || (ulong)geometry.TableBytes > (ulong)fileLength - offset)
            throw Corrupt(path, "the L1 table lies beyond the end of the file", Field, 40, offset);
    }

    private static void RequireImageSize(ulong size, QedGeometry geometry, string path)
    {
        if (size % QedGeometry.SectorSize != 0)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, "the image size is not a multiple of 512", path)
            {
                Structure = "header field image_size",
                Offset = 48,
                Value = size,
            };
        }

        if (size > (ulong)geometry.MaximumImageSize)
        {
            throw new DiskImageException(
                ErrorKind.InvalidSize,
                $"the image size is larger than its tables reach, {geometry.MaximumImageSize.ToString(CultureInfo.InvariantCulture)} bytes",
                path)
            {
                Structure = "header field image_size",
                Offset = 48,
                Value = size,
            };
        }
    }

    private static void RequireBackingName(QedHeader header, string path)
    {
        if (!header.HasBackingFile)
            return;
        const string Field = "header field backing_filename_size";
        if (header.BackingNameSize == 0)
            throw Corrupt(path, "the backing file name is empty", Field, 60, 0);
        if (header.BackingNameSize > QedHeader.MaximumBackingNameSize)
            throw Corrupt(path, "the backing file name is longer than 1023 bytes", Field, 60, header.BackingNameSize);
        if (header.BackingNameOffset < QedHeader.Size || header.BackingNameOffset + (long)header.BackingNameSize > header.HeaderBytes)
            throw Corrupt(path, "the backing file name does not lie within the header", "header field backing_filename_offset", 56, header.BackingNameOffset);
    }

    private static DiskImageException NotRecognized(string path, ReadOnlySpan<byte> start)
        => new(ErrorKind.ImageNotRecognized, start.Length == 0 ? "the file is empty" : "this is not a QED image: the magic number 'QED\\0' is missing", path)
        {
            Structure = start.Length < 4 ? null : "magic number",
            Offset = 0,
            Value = start.Length < 4 ? null : BinaryPrimitives.ReadUInt32LittleEndian(start),
        };

    private static DiskImageException Corrupt(string path, string rule, string structure, long offset, ulong? value)
        => new(ErrorKind.ImageCorrupt, rule, path) { Structure = structure, Offset = offset, Value = value };
}
