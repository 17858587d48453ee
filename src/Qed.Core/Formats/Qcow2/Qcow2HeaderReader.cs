using System;
using System.Buffers.Binary;
using System.Globalization;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>
/// Reads and validates a header (docs/interop/qcow2 in QEMU). Each field passes its bound before anything is computed
/// from it, and each broken rule has a message of its own.
/// </summary>
internal sealed class Qcow2HeaderReader
{
    // Entries of tables have 56 bits for a place in the file.
    private const long EndOfAnyFile = 1L << 56;

    private readonly BlockStorage _storage;
    private readonly byte[] _bytes;
    private readonly bool _allowMissing;

    private Qcow2HeaderReader(BlockStorage storage, byte[] bytes, bool allowMissing)
    {
        _storage = storage;
        _bytes = bytes;
        _allowMissing = allowMissing;
    }

    /// <summary>Whether a file starts with the magic number, of any version.</summary>
    internal static bool HasMagic(ReadOnlySpan<byte> start)
        => start.Length >= 4 && BinaryPrimitives.ReadUInt32BigEndian(start) == Qcow2Header.Magic;

    /// <summary>Reads the header of an image and checks all that can be checked without reading tables.</summary>
    /// <param name="storage">The image's file.</param>
    /// <param name="allowMissing">Whether the file may end before structures that the header points at.</param>
    /// <exception cref="DiskImageException">ImageNotRecognized, ImageCorrupt, UnsupportedFeature.</exception>
    internal static Qcow2Header Read(BlockStorage storage, bool allowMissing = false)
    {
        byte[] start = new byte[Qcow2Header.Length];
        int read = storage.Read(0, start);
        if (!HasMagic(start.AsSpan(0, read)))
        {
            throw new DiskImageException(
                ErrorKind.ImageNotRecognized, read == 0 ? "the file is empty" : "this is not a qcow2 image: the magic number 'QFI' is missing", storage.Path);
        }

        var reader = new Qcow2HeaderReader(storage, start, allowMissing);
        int version = reader.ReadVersion(read);
        int clusterBits = reader.ReadClusterBits();
        // All that the header refers to by text stands in the first cluster, at most 2 MiB.
        byte[] cluster = new byte[(int)Math.Min(1L << clusterBits, storage.Length)];
        read = storage.Read(0, cluster);
        Array.Resize(ref cluster, Math.Max(read, Qcow2Header.Length));
        return new Qcow2HeaderReader(storage, cluster, allowMissing).Parse(version, clusterBits, Math.Min(read, 1 << clusterBits));
    }

    private Qcow2Header Parse(int version, int clusterBits, int available)
    {
        int length = ReadHeaderLength(version, available);
        (ulong nameOffset, int nameLength) = ReadBackingName(1 << clusterBits, available);
        int extensionsEnd = nameOffset == 0 ? available : (int)nameOffset;
        HeaderExtensions extensions = HeaderExtensions.Read(_bytes.AsSpan(0, extensionsEnd), length, _storage);
        IncompatibleFeatures incompatible = version == 2 ? IncompatibleFeatures.None : ReadFeatures(extensions.FeatureNames);
        var autoclear = (AutoclearFeatures)(version == 2 ? 0 : UInt64(88));
        bool isExternal = (incompatible & IncompatibleFeatures.ExternalData) != 0;
        if ((autoclear & AutoclearFeatures.RawExternalData) != 0 && !isExternal)
            throw Corrupt("the data file is said to be raw, but there is none", "autoclear_features", 88, (ulong)autoclear);
        var geometry = new Qcow2Geometry(clusterBits, (incompatible & IncompatibleFeatures.ExtendedL2) != 0);
        if (geometry.HasSubclusters && clusterBits < Qcow2Geometry.MinimumSubclusterBits)
            throw Corrupt("extended L2 entries need clusters of at least 16 KiB", "cluster_bits", 20, (ulong)clusterBits);

        long size = ReadSize();
        int refcountOrder = ReadRefcountOrder(version);
        (long refcountOffset, int refcountClusters) = ReadRefcountTable(geometry);
        (long snapshotsOffset, int snapshotCount) = ReadSnapshots(geometry);
        return new Qcow2Header
        {
            Version = version,
            Geometry = geometry,
            Size = size,
            L1Table = L1Table.Checked(UInt64(40), UInt32(36), size, geometry, _storage, "header field l1_table_offset or l1_size", 36, _allowMissing),
            RefcountTableOffset = refcountOffset,
            RefcountTableClusters = refcountClusters,
            RefcountOrder = refcountOrder,
            SnapshotsOffset = snapshotsOffset,
            SnapshotCount = snapshotCount,
            Encryption = ReadEncryption(),
            Incompatible = incompatible,
            Compatible = (CompatibleFeatures)(version == 2 ? 0 : UInt64(80)),
            Autoclear = autoclear,
            Compression = ReadCompression(incompatible, length),
            Backing = nameLength == 0 ? null : new BackingReference(
                StoredText.Read(_bytes.AsSpan((int)nameOffset, nameLength), "backing file name", (long)nameOffset, _storage),
                extensions.BackingFormat is { Length: > 0 } format ? format : null),
            // Without this bit somebody has written the image who did not keep them.
            Bitmaps = (autoclear & AutoclearFeatures.Bitmaps) != 0 ? extensions.Bitmaps : default,
            DataFileName = isExternal ? extensions.DataFile : null,
        };
    }

    private int ReadVersion(int available)
    {
        uint version = available < 8 ? 0 : UInt32(4);
        if (available >= 8 && version is not (2 or 3))
        {
            throw new DiskImageException(
                ErrorKind.UnsupportedFeature,
                version == 1 ? "this is an image of the old qcow format, version 1, which is not supported" : $"version {version.ToString(CultureInfo.InvariantCulture)} of qcow2 is not known",
                _storage.Path)
            {
                Structure = "header field version",
                Offset = 4,
                Value = version,
                Remedy = version == 1 ? Remedy.Advice("'qemu-img convert -O qcow2' makes a qcow2 image of it.") : null,
            };
        }

        int needed = version == 2 ? Qcow2Header.Version2Length : Qcow2Header.Version3Length;
        if (available < needed)
            throw Corrupt($"the header is truncated: it has {needed} bytes", "length", 0, (ulong)available);
        return (int)version;
    }

    private int ReadClusterBits()
    {
        uint bits = UInt32(20);
        if (bits is < Qcow2Geometry.MinimumClusterBits or > Qcow2Geometry.MaximumClusterBits)
            throw Corrupt("the cluster size is not between 512 bytes and 2 MiB", "cluster_bits", 20, bits);
        return (int)bits;
    }

    private int ReadHeaderLength(int version, int available)
    {
        if (version == 2)
            return Qcow2Header.Version2Length;
        uint length = UInt32(100);
        if (length < Qcow2Header.Version3Length || length % 8 != 0)
            throw Corrupt("the header length is not a multiple of 8 from 104 on", "header_length", 100, length);
        if (length > available)
            throw Corrupt("the header is larger than a cluster, or than the file", "header_length", 100, length);
        return (int)length;
    }

    private IncompatibleFeatures ReadFeatures(ReadOnlySpan<byte> names)
    {
        ulong features = UInt64(72);
        ulong unknown = features & ~(ulong)IncompatibleFeatures.Known;
        if (unknown == 0)
            return (IncompatibleFeatures)features;
        throw new DiskImageException(
            ErrorKind.UnsupportedFeature, $"the image needs features that are not known here: {FeatureNameTable.Describe(unknown, names)}", _storage.Path)
        {
            Structure = "header field incompatible_features",
            Offset = 72,
            Value = features,
            Remedy = Remedy.Advice("It was written by a newer program, or the header is damaged."),
        };
    }

    private (ulong Offset, int Length) ReadBackingName(int clusterSize, int available)
    {
        ulong offset = UInt64(8);
        uint length = UInt32(16);
        if (offset == 0)
            return (0, 0);
        if (length > Qcow2Header.MaximumNameLength)
            throw Corrupt("the backing file name is longer than 1023 bytes", "backing_file_size", 16, length);
        if (offset > (ulong)clusterSize || offset + length > (ulong)clusterSize)
            throw Corrupt("the backing file name does not lie within the first cluster", "backing_file_offset", 8, offset);
        if (offset + length > (ulong)available)
            throw Corrupt("the backing file name is cut off by the end of the file", "backing_file_offset", 8, offset);
        return (offset, (int)length);
    }

    private long ReadSize()
    {
        ulong size = UInt64(24);
        return size <= long.MaxValue ? (long)size : throw Corrupt("the disk is larger than 2^63 bytes", "size", 24, size);
    }

    private Encryption ReadEncryption()
    {
        uint method = UInt32(32);
        return method <= (uint)Encryption.Luks ? (Encryption)method : throw Corrupt("the encryption method is none that exists", "crypt_method", 32, method);
    }

    private int ReadRefcountOrder(int version)
    {
        uint order = version == 2 ? Qcow2Header.DefaultRefcountOrder : UInt32(96);
        return order <= 6 ? (int)order : throw Corrupt("reference counts are wider than 64 bits", "refcount_order", 96, order);
    }

    private (long Offset, int Clusters) ReadRefcountTable(Qcow2Geometry geometry)
    {
        ulong offset = UInt64(48);
        uint clusters = UInt32(56);
        if (clusters == 0)
            throw Corrupt("the image has no refcount table", "refcount_table_clusters", 56, clusters);
        if (clusters > Qcow2Geometry.MaximumRefcountTableBytes >> geometry.ClusterBits)
            throw Corrupt("the refcount table is larger than 8 MiB", "refcount_table_clusters", 56, clusters);
        if (!geometry.IsAligned(offset))
            throw Corrupt("the refcount table is not aligned to a cluster", "refcount_table_offset", 48, offset);
        if (offset == 0 || IsBeyondEnd(offset))
            throw Corrupt(offset == 0 ? "the refcount table lies inside the header" : "the refcount table lies beyond the end of the file", "refcount_table_offset", 48, offset);
        return ((long)offset, (int)clusters);
    }

    private (long Offset, int Count) ReadSnapshots(Qcow2Geometry geometry)
    {
        uint count = UInt32(60);
        ulong offset = UInt64(64);
        if (count == 0)
            return (0, 0);
        if (count > SnapshotTable.MaximumCount)
            throw Corrupt("the image has more than 65536 snapshots", "nb_snapshots", 60, count);
        if (!geometry.IsAligned(offset))
            throw Corrupt("the snapshot table is not aligned to a cluster", "snapshots_offset", 64, offset);
        if (offset == 0 || IsBeyondEnd(offset))
            throw Corrupt(offset == 0 ? "the snapshot table lies inside the header" : "the snapshot table lies beyond the end of the file", "snapshots_offset", 64, offset);
        return ((long)offset, (int)count);
    }

    private CompressionType ReadCompression(IncompatibleFeatures features, int headerLength)
    {
        int type = headerLength > Qcow2Header.CompressionTypeOffset ? _bytes[Qcow2Header.CompressionTypeOffset] : 0;
        if ((features & IncompatibleFeatures.CompressionType) != 0 != (type != 0))
            throw Corrupt("the compression type and the feature bit that announces it contradict each other", "compression_type", Qcow2Header.CompressionTypeOffset, (ulong)type);
        if (type <= (int)CompressionType.Zstd)
            return (CompressionType)type;
        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"clusters are compressed by method {type.ToString(CultureInfo.InvariantCulture)}, which is not known; deflate and zstd are", _storage.Path)
        {
            Structure = "header field compression_type",
            Offset = Qcow2Header.CompressionTypeOffset,
            Value = (ulong)type,
        };
    }

    /// <summary>Also of a file of which parts are missing nothing lies farther away than an entry of a table can lead.</summary>
    private bool IsBeyondEnd(ulong offset) => offset >= (ulong)(_allowMissing ? EndOfAnyFile : _storage.Length);

    private uint UInt32(int offset) => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(offset));

    private ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64BigEndian(_bytes.AsSpan(offset));

    private DiskImageException Corrupt(string rule, string field, long offset, ulong value)
        => new(ErrorKind.ImageCorrupt, rule, _storage.Path) { Structure = "header field " + field, Offset = offset, Value = value };
}
