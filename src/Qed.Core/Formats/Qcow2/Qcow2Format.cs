using System;
using System.Collections.Generic;
using System.Globalization;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>QEMU's copy-on-write format, versions 2 and 3; version 3 is written.</summary>
internal sealed class Qcow2Format : ImageFormat
{
    public override string Name => "qcow2";

    public override IReadOnlyList<string> Extensions { get; } = [".qcow2"];

    public override bool HasBackingFiles => true;

    public override bool HasClusterSize => true;

    public override bool HasCompression => true;

    public override int SizeGranularity(Subformat subformat) => Qcow2Geometry.SectorSize;

    internal override bool Matches(FileProbe probe) => Qcow2HeaderReader.HasMagic(probe.Start);

    internal override DiskImage Open(HostFile storage, ImageOpenOptions options) => Qcow2Image.Open(storage, options);

    private protected override ImageWriter CreateWriterCore(PendingFile target, TargetOptions options)
    {
        string path = target.Storage.Path;
        Qcow2Geometry geometry = GeometryFor(options, path);
        RequireSize(options.Size, geometry, path);
        var header = new HeaderCluster(geometry, options.Backing, path);
        return new Qcow2ImageWriter(target.Storage, geometry, options, header);
    }

    private static Qcow2Geometry GeometryFor(TargetOptions options, string path)
    {
        const long Least = 1L << Qcow2Geometry.MinimumClusterBits;
        const long Most = 1L << Qcow2Geometry.MaximumClusterBits;
        long size = options.ClusterSize ?? 1L << Qcow2Geometry.DefaultClusterBits;
        long nearest = NearestPower(size, Least, Most);
        if (nearest != size)
        {
            throw new DiskImageException(ErrorKind.InvalidGeometry, $"the cluster size must be a power of two from 512 bytes to 2 MiB, not {Text(size)}", path)
            {
                Hint = $"The nearest cluster size that works is {Text(nearest)}.",
            };
        }

        int bits = Qcow2Geometry.MinimumClusterBits;
        while (1L << bits < size)
            bits++;
        return new Qcow2Geometry(bits, HasSubclusters: false);
    }

    private static void RequireSize(long size, Qcow2Geometry geometry, string path)
    {
        if (size < 0 || size % Qcow2Geometry.SectorSize != 0)
        {
            long sectors = Math.Max(0, size / Qcow2Geometry.SectorSize) + (size > 0 ? 1 : 0);
            throw new DiskImageException(ErrorKind.InvalidSize, $"the image size must be a multiple of 512, not {Text(size)}", path)
            {
                Hint = $"The nearest size that works is {Text(sectors * Qcow2Geometry.SectorSize)}.",
            };
        }

        if (size > geometry.MaximumSize)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"with this cluster size an image can have at most {Text(geometry.MaximumSize)} bytes, not {Text(size)}", path)
            {
                Hint = "Choose a larger -ClusterSizeBytes.",
            };
        }
    }

    private static long NearestPower(long value, long least, long most)
    {
        long power = least;
        while (power < most && power < value)
            power <<= 1;
        return power > least && power - value > value - (power >> 1) ? power >> 1 : power;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
