using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Qcow2;

/// <summary>QEMU's copy-on-write format, versions 2 and 3; version 3 is written.</summary>
/// <param name="qemuNameOf">What QEMU calls the format of a short name: so an image stores that of its backing file.</param>
internal sealed class Qcow2Format(Func<string, string> qemuNameOf) : ImageFormat
{
    public override string Name => "qcow2";

    public override IReadOnlyList<string> Extensions { get; } = [".qcow2"];

    public override bool HasSnapshots => true;

    public override bool HasBackingFiles => true;

    public override bool HasClusterSize => true;

    public override bool HasCompression => true;

    public override int SizeGranularity(Subformat subformat) => Qcow2Geometry.SectorSize;

    internal override bool Matches(FileProbe probe) => Qcow2HeaderReader.HasMagic(probe.Start);

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options) => Qcow2Image.Open(storage, options);

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
    {
        string path = target.Storage.Path;
        Qcow2Geometry geometry = GeometryFor(options, path);
        RequireSize(options.Size, geometry, path);
        var header = new HeaderCluster(geometry, options.Backing, options.Backing?.Format is { } name ? qemuNameOf(name) : null, path);
        return new Qcow2ImageWriter(target.Storage, geometry, options, header);
    }

    private static Qcow2Geometry GeometryFor(TargetOptions options, string path)
    {
        const long Least = 1L << Qcow2Geometry.MinimumClusterBits;
        const long Most = 1L << Qcow2Geometry.MaximumClusterBits;
        long size = options.ClusterSize ?? 1L << Qcow2Geometry.DefaultClusterBits;
        RequestedSizes.RequirePower(size, Least, Most, "cluster size", "512 bytes to 2 MiB", path);
        int bits = Qcow2Geometry.MinimumClusterBits;
        while (1L << bits < size)
            bits++;
        return new Qcow2Geometry(bits, HasSubclusters: false);
    }

    private static void RequireSize(long size, Qcow2Geometry geometry, string path)
    {
        RequestedSizes.RequireMultiple(size, Qcow2Geometry.SectorSize, path);
        if (size > geometry.MaximumSize)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"with this cluster size an image can have at most {Text(geometry.MaximumSize)} bytes, not {Text(size)}", path)
            {
                Remedy = size <= new Qcow2Geometry(Qcow2Geometry.MaximumClusterBits, HasSubclusters: false).MaximumSize ? new(RemedyKind.EnlargeClusters) : Remedy.TakeNearest("size", geometry.MaximumSize),
            };
        }
    }
}
