using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Vhd;

/// <summary>Microsoft's Virtual Hard Disk format, which QEMU calls vpc.</summary>
internal sealed class VhdFormat : ImageFormat
{
    /// <summary>The largest disk, 2040 GiB: with its table and bitmaps its blocks still have 32-bit sector numbers.</summary>
    internal const long MaximumSize = 2040L << 30;

    private const int SmallestBlock = 512 << 10;
    private const int LargestBlock = 16 << 20;
    // Azure takes no fixed disk of another size.
    private const int FixedGranularity = 1 << 20;

    public override string Name => VhdFooter.FormatName;

    public override string QemuName => "vpc";

    public override IReadOnlyList<string> Aliases { get; } = ["vpc"];

    public override string DisplayName => "VHD";

    public override IReadOnlyList<string> Extensions { get; } = [".vhd", ".avhd"];

    public override IReadOnlyList<Subformat> Subformats { get; } = [Subformat.Dynamic, Subformat.Fixed];

    public override bool HasBackingFiles => true;

    public override bool HasClusterSize => true;

    public override int SizeGranularity(Subformat subformat) => subformat == Subformat.Fixed ? FixedGranularity : VhdFooter.SectorSize;

    internal override bool Matches(FileProbe probe)
    {
        if (VhdFooter.HasCookie(probe.Start))
            return true;
        int inEnd = VhdFooterReader.PlaceInEnd(probe.End);
        if (inEnd < 0)
            return false;
        // A guest may have written a footer to where its disk, in an image of another format, lies last on the host:
        // only what agrees with the whole file is one.
        ReadOnlySpan<byte> footer = probe.End.Slice(inEnd);
        return VhdFooter.TypeOf(footer) == VhdDiskType.Fixed
            ? VhdFooter.CurrentSizeOf(footer) == probe.Length - footer.Length
            : probe.StartHas(VhdFileLayout.HeaderOffset, VhdDynamicHeader.Cookie);
    }

    internal override bool HasHeader(FileProbe probe) => VhdFooter.HasCookie(probe.Start);

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options)
    {
        FoundFooter found = VhdFooterReader.Read(storage);
        if (found.Doubt is { } doubt)
            Log.FooterDoubtful(options.Logger, storage.Path, doubt);
        return found.Footer.Type == VhdDiskType.Fixed ? new FixedVhdImage(storage, found) : new BlockVhdImage(storage, found, options);
    }

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
    {
        string path = target.Storage.Path;
        RequireSize(options, path);
        return options.Subformat == Subformat.Fixed ? CreateFixed(target, options) : CreateBlocks(target, options);
    }

    private static FixedVhdWriter CreateFixed(ImageTarget target, TargetOptions options)
    {
        string? refused = options.Backing is not null ? "rest on a parent" : options.ClusterSize is not null ? "have blocks" : null;
        if (refused is not null)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"fixed VHD images do not {refused}", target.Storage.Path) { Remedy = new(RemedyKind.ChooseDynamic) };
        long length = options.Size + VhdFooter.Size;
        if (target.FixedLength is { } room && room != length)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"a fixed VHD is known by its last bytes, so a block device would have to have just {Text(length)} bytes, not {Text(room)}", target.Target)
            {
                Remedy = new(RemedyKind.ChooseDynamic),
            };
        }

        target.Storage.MakePlain();
        return new FixedVhdWriter(target.Storage, FooterFor(options, VhdDiskType.Fixed));
    }

    private static BlockVhdWriter CreateBlocks(ImageTarget target, TargetOptions options)
    {
        string path = target.Storage.Path;
        int blockSize = BlockSizeFor(options, path);
        VhdParent? parent = options.Backing is { } backing ? VhdParent.Of(options, backing, path) : null;
        var nameLengths = new List<int>();
        foreach (VhdParentName name in parent?.Names ?? [])
            nameLengths.Add(name.Bytes.Length);
        target.Storage.MakePlain();
        return new BlockVhdWriter(
            target,
            FooterFor(options, parent is null ? VhdDiskType.Dynamic : VhdDiskType.Differencing),
            VhdFileLayout.For(options.Size, blockSize, nameLengths),
            parent);
    }

    private static VhdFooter FooterFor(TargetOptions options, VhdDiskType type) => new()
    {
        Type = type,
        DataOffset = type == VhdDiskType.Fixed ? VhdFooter.NoOffset : VhdFileLayout.HeaderOffset,
        CurrentSize = options.Size,
        Geometry = VhdGeometry.For(options.Size),
        UniqueId = Guid.NewGuid(),
        TimeStamp = VhdFooter.TimeStampOf(DateTime.UtcNow),
    };

    private static int BlockSizeFor(TargetOptions options, string path)
    {
        long size = options.ClusterSize ?? VhdDynamicHeader.DefaultBlockSize;
        long nearest = RequestedSizes.NearestPower(size, SmallestBlock, LargestBlock);
        if (nearest == size)
            return (int)size;
        throw new DiskImageException(ErrorKind.InvalidGeometry, $"the block size of a VHD must be a power of two from 512 KiB to 16 MiB, not {Text(size)}", path)
        {
            Remedy = Remedy.TakeNearest("block size", nearest) with { Next = Remedy.Advice("Windows creates 512 KiB and 2 MiB.") },
        };
    }

    private void RequireSize(TargetOptions options, string path)
    {
        if (options.Size > MaximumSize)
        {
            throw new DiskImageException(ErrorKind.InvalidSize, $"a VHD can have at most 2040 GiB ({Text(MaximumSize)} bytes), not {Text(options.Size)}", path)
            {
                Remedy = Remedy.Advice("Use VHDX, which reaches 64 TiB."),
            };
        }

        int granularity = SizeGranularity(options.Subformat);
        // An empty fixed disk is a footer alone, which QEMU takes for the start of a dynamic one.
        int least = options.Subformat == Subformat.Fixed ? granularity : 0;
        if (options.Size >= least && options.Size % granularity == 0)
            return;
        throw new DiskImageException(ErrorKind.InvalidSize, $"the size of this VHD must be a multiple of {Text(granularity)} bytes and at least {Text(least)}, not {Text(options.Size)}", path)
        {
            Remedy = Remedy.TakeNearest("size", Math.Max(least, (options.Size + granularity - 1) / granularity * granularity)),
        };
    }
}
