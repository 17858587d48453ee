using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Images;
using Qed.Storage;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Qcow2;

/// <summary>An open qcow2 image: the disk, or one of its internal snapshots, for reading.</summary>
internal sealed class Qcow2Image : DiskImage
{
    private readonly BlockStorage _storage;
    private readonly BlockStorage _data;
    private readonly Qcow2Header _header;
    private readonly Qcow2Map _map;
    private readonly CompressedReader _compressed;
    private readonly ILogger _logger;
    private readonly long _dataLength;
    private readonly bool _mayBeCut;
    private BlockPlacement? _placement;
    private int _isCutTold;

    private Qcow2Image(BlockStorage storage, BlockStorage data, Qcow2Header header, IReadOnlyList<Snapshot> snapshots, L1Table l1, long length, ImageOpenOptions options)
    {
        _storage = storage;
        _data = data;
        _dataLength = data.Length;
        _header = header;
        _logger = options.Logger;
        _map = new Qcow2Map(storage, header, l1, _dataLength, options.TableCacheBytes);
        _compressed = new CompressedReader(storage, header);
        _mayBeCut = options.AllowMissingData;
        Length = length;
        Details = Describe(header, snapshots, header.Bitmaps.ReadNames(storage));
    }

    public override string Path => _storage.Path;

    public override IReadOnlyList<string> Files => _data == _storage ? [Path] : [Path, _data.Path];

    internal override BlockStorage ExtentStorage => _storage;

    internal override BlockPlacement PlacementAt(GuestOffset offset) => _placement ??= new BlockPlacement
    {
        Path = Path,
        GuestLength = Length,
        BlockSize = _header.Geometry.ClusterSize,
        Unit = _header.Geometry.ClusterSize,
        Logger = _logger,
        Structures = _map.Structures,
        IsShared = host => _map.IsShared(host.Value),
    };

    public override string Format => "qcow2";

    public override long Length { get; }

    internal override BackingReference? BackingReference => _header.Backing;

    internal override ImageDetails Details { get; }

    /// <summary>Opens an image from its file, which it owns once it is open.</summary>
    /// <exception cref="DiskImageException">A broken rule of the header, or a feature that is refused.</exception>
    internal static Qcow2Image Open(BlockStorage storage, ImageOpenOptions options)
    {
        BlockStorage data = storage;
        try
        {
            Qcow2Header header = Qcow2HeaderReader.Read(storage, options.AllowMissingData);
            if (options.WithData)
                RefuseEncryption(header, storage);
            IReadOnlyList<Snapshot> snapshots = ReadSnapshots(storage, header, options);
            L1Table l1 = header.L1Table;
            long length = header.Size;
            if (options.Snapshot is { } wanted)
                (l1, length) = Select(SnapshotTable.Find(snapshots, wanted, storage.Path), header, storage);
            if (options.WithData && header.Has(IncompatibleFeatures.ExternalData))
                data = DataFile.Open(storage, header, options);
            return new Qcow2Image(storage, data, header, snapshots, l1, length, options);
        }
        catch
        {
            if (data != storage)
                data.Dispose();
            throw;
        }
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        var budget = default(LookupBudget);
        MappedClusters run = _map.Find(offset, maximum, ref budget);
        ExtentKind kind = run.Kind switch
        {
            MappedKind.Unallocated => ExtentKind.Unallocated,
            MappedKind.Zero => ExtentKind.Zero,
            _ => ExtentKind.Data,
        };
        if (run.Kind == MappedKind.Compressed)
            return new Extent(offset, CompressedLength(offset, run.Length, maximum, ref budget), kind, null) { IsCompressed = true };
        // In an external data file the offset would be one of another file.
        HostOffset? host = run.Kind == MappedKind.Data && _data == _storage ? new HostOffset(run.HostOffset) : null;
        return new Extent(offset, run.Length, kind, host);
    }

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        var budget = default(LookupBudget);
        MappedClusters run = _map.Find(offset, buffer.Length, ref budget);
        Span<byte> target = buffer.Slice(0, (int)run.Length);
        switch (run.Kind)
        {
            case MappedKind.Data:
                ReadData(run.HostOffset, target);
                break;
            case MappedKind.Compressed:
                _compressed.Read((ulong)run.HostOffset, _header.Geometry.InCluster(offset.Value), target);
                break;
            default:
                ReadBeneath(offset, run.Kind == MappedKind.Unallocated ? ExtentKind.Unallocated : ExtentKind.Zero, target);
                break;
        }

        return target.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (_data != _storage)
                _data.Dispose();
            _storage.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>
    /// Reads data of which only the last cluster's end may lie behind the end of the file; it is zeroes, unless the file may
    /// have been cut off there.
    /// </summary>
    private void ReadData(long host, Span<byte> target)
    {
        bool isCut = host + target.Length > _dataLength;
        if (isCut && _mayBeCut)
            throw new DiskImageException(ErrorKind.ImageCorrupt, "a data cluster is cut off by the end of the file", _data.Path) { Structure = "data cluster", Offset = host };
        _data.ReadOrZero(host, target);
        if (isCut && Interlocked.Exchange(ref _isCutTold, 1) == 0)
            Log.EndsInCluster(_logger, _data.Path, _header.Geometry.ClusterSize - _header.Geometry.InCluster(_dataLength));
    }

    /// <summary>The snapshots; none where the table is damaged and nobody needs it.</summary>
    private static IReadOnlyList<Snapshot> ReadSnapshots(BlockStorage storage, Qcow2Header header, ImageOpenOptions options)
    {
        try
        {
            return SnapshotTable.Read(storage, header);
        }
        catch (DiskImageException) when (options.AllowMissingData && options.Snapshot is null)
        {
            return [];
        }
    }

    private long CompressedLength(GuestOffset offset, long length, long maximum, ref LookupBudget budget)
    {
        while (length < maximum && budget.TrySpend()
            && _map.Find(offset + length, Math.Min(maximum - length, _header.Geometry.ClusterSize), ref budget) is { Kind: MappedKind.Compressed } next)
        {
            length += next.Length;
        }

        return length;
    }

    private static void RefuseEncryption(Qcow2Header header, BlockStorage storage)
    {
        if (header.Encryption == Encryption.None)
            return;
        throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the image is encrypted ({NameOf(header.Encryption)}), which is not supported", storage.Path)
        {
            Structure = "header field crypt_method",
            Offset = 32,
            Value = (ulong)header.Encryption,
            Remedy = Remedy.Advice("Decrypt it with qemu-img first."),
        };
    }

    private static (L1Table L1, long Length) Select(Snapshot snapshot, Qcow2Header header, BlockStorage storage)
    {
        ulong size = snapshot.DiskSize ?? (ulong)header.Size;
        if (size > long.MaxValue)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the disk of a snapshot is larger than 2^63 bytes", storage.Path)
            {
                Structure = "snapshot table",
                Offset = snapshot.Position,
                Value = size,
            };
        }

        L1Table l1 = L1Table.Checked(snapshot.L1Offset, snapshot.L1Entries, (long)size, header.Geometry, storage, "snapshot table", snapshot.Position);
        return (l1, (long)size);
    }

    private static ImageDetails Describe(Qcow2Header header, IReadOnlyList<Snapshot> snapshots, List<string> bitmaps)
    {
        var features = new List<string>();
        AddFlags(features, header.Incompatible, IncompatibleFeatures.Dirty, IncompatibleFeatures.Corrupt, IncompatibleFeatures.ExternalData, IncompatibleFeatures.ExtendedL2);
        AddFlags(features, header.Compatible, CompatibleFeatures.LazyRefcounts);
        AddFlags(features, header.Autoclear, AutoclearFeatures.Bitmaps, AutoclearFeatures.RawExternalData);
        if (header.Compression != CompressionType.Deflate)
            features.Add(header.Compression.ToString());
        if (header.Encryption != Encryption.None)
            features.Add("Encrypted" + header.Encryption);
        return new ImageDetails
        {
            Subformat = $"version {header.Version}",
            ClusterSize = header.Geometry.ClusterSize,
            MaximumSize = header.Geometry.MaximumSize,
            NeedsCheck = header.Has(IncompatibleFeatures.Dirty),
            Features = features,
            Properties = PropertiesOf(header).ToArray(),
            Snapshots = snapshots.Select(SnapshotTable.LabelOf).ToArray(),
            Bitmaps = bitmaps,
        };
    }

    private static IEnumerable<FormatProperty> PropertiesOf(Qcow2Header header)
    {
        static FormatProperty Flag(string name, bool value) => new(name, value ? "true" : "false", IsLiteral: true);

        bool isVersion3 = header.Version >= 3;
        yield return new FormatProperty("compat", isVersion3 ? "1.1" : "0.10", IsLiteral: false);
        yield return new FormatProperty("compression-type", header.Compression == CompressionType.Zstd ? "zstd" : "zlib", IsLiteral: false);
        if (isVersion3)
            yield return Flag("lazy-refcounts", (header.Compatible & CompatibleFeatures.LazyRefcounts) != 0);
        yield return new FormatProperty("refcount-bits", Text(1L << header.RefcountOrder), IsLiteral: true);
        if (isVersion3)
        {
            yield return Flag("corrupt", header.Has(IncompatibleFeatures.Corrupt));
            yield return Flag("extended-l2", header.Has(IncompatibleFeatures.ExtendedL2));
        }
    }

    private static void AddFlags<T>(List<string> features, T value, params T[] flags)
        where T : struct, Enum
        => features.AddRange(flags.Where(flag => value.HasFlag(flag)).Select(flag => flag.ToString()));

    private static string NameOf(Encryption encryption) => encryption == Encryption.Aes ? "AES" : "LUKS";
}
