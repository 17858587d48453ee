using System.Collections.Generic;
using Qed.Engine;
using Qed.Images;
using Qed.Layout;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Qed;

/// <summary>The QEMU Enhanced Disk format.</summary>
internal sealed class QedFormat : ImageFormat
{
    public override string Name => "qed";

    public override IReadOnlyList<string> Extensions { get; } = [".qed"];

    public override string DisplayName => "QED";

    public override bool HasBackingFiles => true;

    public override bool HasClusterSize => true;

    public override bool HasTableSize => true;

    public override bool IsChangedInPlace => true;

    public override int SizeGranularity(Subformat subformat) => QedGeometry.SectorSize;

    internal override bool Matches(FileProbe probe) => QedHeaderReader.HasMagic(probe.Start);

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options) => QedImage.Open(storage, new QedOpenOptions { TableCacheBytes = options.TableCacheBytes });

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
    {
        string path = target.Storage.Path;
        QedGeometry geometry = GeometryFor(options, path);
        RequireSize(options.Size, geometry, path);
        byte[]? name = options.Backing is { } backing ? BackingNameChange.Encode(backing.Name, path) : null;
        return new QedImageWriter(target.Storage, geometry, options.Size, options.Backing, name);
    }

    private static QedGeometry GeometryFor(TargetOptions options, string path)
    {
        long clusterSize = options.ClusterSize ?? QedGeometry.DefaultClusterSize;
        int tableSize = options.TableSize ?? QedGeometry.DefaultTableSize;
        RequestedSizes.RequirePower(clusterSize, QedGeometry.MinimumClusterSize, QedGeometry.MaximumClusterSize, "cluster size", "4 KiB to 64 MiB", path);
        return QedGeometry.TryCreate(clusterSize, tableSize)
            ?? throw new DiskImageException(ErrorKind.InvalidGeometry, $"the table size must be 1, 2, 4, 8 or 16 clusters, not {Text(tableSize)}", path)
            {
                Remedy = Remedy.TakeNearest("table size", RequestedSizes.NearestPower(tableSize, 1, QedGeometry.MaximumTableSize)),
            };
    }

    private static void RequireSize(long size, QedGeometry geometry, string path)
    {
        if (size > geometry.MaximumImageSize)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"with this cluster and table size an image can have at most {Text(geometry.MaximumImageSize)} bytes, not {Text(size)}", path)
            {
                Remedy = ForLarger(size, geometry),
            };
        }

        RequestedSizes.RequireMultiple(size, QedGeometry.SectorSize, path);
    }

    /// <summary>What would help a disk that is too large for a geometry: only what there is.</summary>
    private static Remedy ForLarger(long size, QedGeometry geometry) => geometry switch
    {
        _ when size > QedGeometry.LargestImageSize => Remedy.TakeNearest("size", geometry.MaximumImageSize),
        { TableSize: QedGeometry.MaximumTableSize } => new(RemedyKind.EnlargeClusters),
        { ClusterSize: QedGeometry.MaximumClusterSize } => new(RemedyKind.EnlargeTables),
        _ => new(RemedyKind.EnlargeClustersOrTables),
    };
}
