using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Vhdx;

/// <summary>Hyper-V's virtual hard disk, version 2 (MS-VHDX).</summary>
internal sealed class VhdxFormat : ImageFormat
{
    private const int SectorSize = 512;
    private const int LargeSectorSize = 4096;

    public override string Name => "vhdx";

    public override string DisplayName => "VHDX";

    public override IReadOnlyList<string> Extensions { get; } = [".vhdx", ".avhdx"];

    public override IReadOnlyList<Subformat> Subformats { get; } = [Subformat.Dynamic, Subformat.Fixed];

    public override bool HasBackingFiles => true;

    public override bool HasClusterSize => true;

    public override bool HasSectorSizes => true;

    public override int SizeGranularity(Subformat subformat) => SectorSize;

    internal override bool Matches(FileProbe probe) => probe.StartHas(0, VhdxImageWriter.FileSignature);

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options)
    {
        if (!Matches(new FileProbe(storage)))
            throw new DiskImageException(ErrorKind.ImageNotRecognized, "this is not a VHDX image: the signature 'vhdxfile' is missing", storage.Path);
        if (options.Snapshot is { } snapshot)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"VHDX images have no internal snapshots, so there is no '{snapshot}'", storage.Path);
        return new VhdxImage(storage, options);
    }

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
    {
        string path = target.Storage.Path;
        VhdxImage? parent = RequireParent(options, path);
        long blockSize = options.ClusterSize ?? DefaultBlockSize(options.Size, parent is not null);
        RequireBlockSize(blockSize, path);
        RequireSectorSize(options.LogicalSectorSize, "logical", path);
        RequireSectorSize(options.PhysicalSectorSize, "physical", path);
        if (parent is not null)
            Utf16.RequireStorable(options.Backing!.Name, DisplayName, path);
        int sectorSize = LogicalSectorSize(options, parent, path);
        RequireSize(options.Size, sectorSize, path);
        var metadata = new VhdxMetadata
        {
            Geometry = new VhdxGeometry(options.Size, (int)blockSize, sectorSize),
            IsFixed = options.Subformat == Subformat.Fixed,
            PhysicalSectorSize = (uint?)options.PhysicalSectorSize ?? parent?.Metadata.PhysicalSectorSize ?? LargeSectorSize,
            VirtualDiskId = parent?.Metadata.VirtualDiskId ?? Guid.NewGuid(),
            Parent = parent is null ? null : VhdxParentLocator.For(parent.Header.DataWriteGuid, options.Backing!.Name, target.Target),
        };
        target.Storage.MakePlain();
        return new VhdxImageWriter(target.Storage, metadata);
    }

    private static void RequireSectorSize(int? size, string kind, string path)
    {
        if (size is null or SectorSize or LargeSectorSize)
            return;
        throw new DiskImageException(ErrorKind.InvalidGeometry, $"the {kind} sector size of a VHDX image is 512 or 4096 bytes, not {Text(size.Value)}", path)
        {
            Remedy = Remedy.TakeNearest($"{kind} sector size", size < (SectorSize + LargeSectorSize) / 2 ? SectorSize : LargeSectorSize),
        };
    }

    /// <summary>A disk's sectors are those of its parent: its guest counts in them.</summary>
    private static int LogicalSectorSize(TargetOptions options, VhdxImage? parent, string path)
    {
        int? ofParent = parent?.Metadata.Geometry.LogicalSectorSize;
        if (ofParent is { } given && options.LogicalSectorSize is { } wanted && wanted != given)
        {
            throw new DiskImageException(ErrorKind.InvalidGeometry, $"a VHDX image has the logical sectors of its parent, {Text(given)} bytes, not {Text(wanted)}", path)
            {
                Remedy = Remedy.TakeNearest("logical sector size", given),
            };
        }

        return ofParent ?? options.LogicalSectorSize ?? SectorSize;
    }

    private static VhdxImage? RequireParent(TargetOptions options, string path)
    {
        if (options.Backing is null)
            return null;
        if (options.Subformat == Subformat.Fixed)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "a VHDX image with a backing file cannot be fixed", path) { Remedy = new(RemedyKind.ChooseDynamic) };
        return options.BackingImage as VhdxImage
            ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the backing file of a VHDX image must be a VHDX image, and '{options.Backing.Name}' is not", path)
            {
                Remedy = Remedy.Advice("Convert it to VHDX first."),
            };
    }

    /// <summary>
    /// As QEMU chooses: larger blocks for larger disks keep the table small, and blocks that are filled in part are cheap
    /// only where the host has sparse files. For differencing images as Hyper-V chooses.
    /// </summary>
    private static int DefaultBlockSize(long size, bool hasParent)
    {
        const int Megabyte = VhdxGeometry.Megabyte;
        if (hasParent)
            return 2 * Megabyte;
        return size switch
        {
            > 32L << 40 => 64 * Megabyte,
            > 100L << 30 => 32 * Megabyte,
            > 1L << 30 => 16 * Megabyte,
            _ => 8 * Megabyte,
        };
    }

    private static void RequireBlockSize(long blockSize, string path)
    {
        long nearest = RequestedSizes.NearestPower(blockSize, VhdxGeometry.MinimumBlockSize, VhdxGeometry.MaximumBlockSize);
        if (nearest == blockSize)
            return;
        throw new DiskImageException(ErrorKind.InvalidGeometry, $"the block size of a VHDX image must be a power of two from 1 MiB to 256 MiB, not {Text(blockSize)}", path)
        {
            Remedy = Remedy.TakeNearest("block size", nearest),
        };
    }

    private static void RequireSize(long size, int sectorSize, string path)
    {
        if (size > VhdxGeometry.MaximumSize)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"a VHDX image can have at most 64 TiB, {Text(VhdxGeometry.MaximumSize)} bytes, not {Text(size)}", path)
            {
                Remedy = Remedy.TakeNearest("size", VhdxGeometry.MaximumSize),
            };
        }

        RequestedSizes.RequireMultiple(size, sectorSize, path);
    }
}
