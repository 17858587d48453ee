using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;
using static Qed.Invariant;

namespace Qed.Formats.Vmdk;

/// <summary>VMware's virtual disk format.</summary>
internal sealed class VmdkFormat : ImageFormat
{
    private const int SmallestGrain = 8 << 10;
    private const int LargestGrain = 1 << 20;
    private const int DefaultGrain = 64 << 10;
    // Places in a sparse extent are 32-bit numbers of sectors.
    private const long LargestSparse = (1L << 32) * SparseHeader.SectorSize;
    // What ESXi takes.
    private const long LargestFlat = 62L << 40;

    public override string Name => "vmdk";

    public override string DisplayName => "VMDK";

    public override IReadOnlyList<string> Extensions { get; } = [".vmdk"];

    public override IReadOnlyList<Subformat> Subformats { get; } = [Subformat.Dynamic, Subformat.StreamOptimized, Subformat.Fixed];

    public override bool HasBackingFiles => true;

    public override bool HasClusterSize => true;

    public override bool HasCompression => true;

    // The specification wants whole grains, but VMware's own writers and readers do well with sectors.
    public override int SizeGranularity(Subformat subformat) => SparseHeader.SectorSize;

    internal override bool Matches(FileProbe probe) => VmdkOpener.Matches(probe);

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options) => VmdkOpener.Open(storage, options);

    internal override IReadOnlyList<string> PartsOf(BlockStorage storage)
    {
        if (!DescriptorReader.IsDescriptor(new FileProbe(storage).Start))
            return [];
        // A descriptor can name any file. What it names and is called after it is its own.
        return [.. DescriptorReader.ReadFile(storage).Extents
            .Select(extent => extent.FileName)
            .OfType<string>()
            .Where(name => ExtentNames.IsOf(storage.Path, name))
            .Distinct()];
    }

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
    {
        string path = target.Storage.Path;
        bool isStream = options.Subformat == Subformat.StreamOptimized || options.Compress;
        RequirePossible(options, isStream, path);
        RequireSize(options.Size, options.Subformat, path);
        if (options.Subformat == Subformat.Fixed)
            return new MonolithicFlatWriter(target, options.Size);
        int grain = GrainFor(options.ClusterSize ?? DefaultGrain, isStream, path);
        return isStream
            ? new StreamImageWriter(target, grain, options.Size)
            : new SparseImageWriter(target, grain, options.Size, options.Backing, ParentOf(options, path));
    }

    private static void RequirePossible(TargetOptions options, bool isStream, string path)
    {
        string? refused = options switch
        {
            { Subformat: Subformat.Fixed, Compress: true } => "compress their data",
            { Subformat: Subformat.Fixed, ClusterSize: not null } => "have a cluster size",
            { Subformat: Subformat.Fixed, Backing: not null } => "rest on a backing file",
            _ when isStream && options.Backing is not null => "rest on a backing file",
            _ => null,
        };
        if (refused is not null)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"{(isStream ? "stream-optimized" : "flat")} VMDK images cannot {refused}", path);
    }

    private static VmdkImage? ParentOf(TargetOptions options, string path)
    {
        if (options.Backing is null)
            return null;
        return options.BackingImage as VmdkImage
            ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, "a VMDK image can rest on another VMDK image only", path)
            {
                Remedy = Remedy.Advice("Convert the backing file to VMDK first."),
            };
    }

    private static int GrainFor(long size, bool isStream, string path)
    {
        // VMware's readers of streams take no larger grain than the usual one.
        int largest = isStream ? DefaultGrain : LargestGrain;
        RequestedSizes.RequirePower(size, SmallestGrain, largest, "grain size", $"{Text(SmallestGrain)} to {Text(largest)} bytes", path);
        return (int)size;
    }

    private static void RequireSize(long size, Subformat subformat, string path)
    {
        long largest = subformat == Subformat.Fixed ? LargestFlat : LargestSparse;
        if (size > 0 && size <= largest && size % SparseHeader.SectorSize == 0)
            return;
        long nearest = Math.Min(largest, Math.Max(SparseHeader.SectorSize, (size + SparseHeader.SectorSize - 1) / SparseHeader.SectorSize * SparseHeader.SectorSize));
        string limit = subformat == Subformat.Fixed ? "62 TiB" : "2 TiB";
        throw new DiskImageException(ErrorKind.InvalidSize, $"the image size must be a multiple of 512 from 512 bytes to {limit}, not {Text(size)}", path)
        {
            Remedy = size > largest && size <= LargestFlat ? new(RemedyKind.ChooseFixed) : Remedy.TakeNearest("size", nearest),
        };
    }
}
