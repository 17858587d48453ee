using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using static Qed.Invariant;

namespace Qed.Formats.Vdi;

/// <summary>VirtualBox's disk image format, version 1.1.</summary>
internal sealed class VdiFormat : ImageFormat
{
    /// <summary>The largest disk whose blocks, behind a map of almost 4 GiB, start at a 32-bit offset; QEMU opens as much.</summary>
    internal const long MaximumSize = 0x3ffbff80L << 20;

    public override string Name => VdiHeader.FormatName;

    public override string DisplayName => "VDI";

    public override IReadOnlyList<string> Extensions { get; } = [".vdi"];

    public override IReadOnlyList<Subformat> Subformats { get; } = [Subformat.Dynamic, Subformat.Fixed];

    public override int SizeGranularity(Subformat subformat) => VdiHeader.SectorSize;

    internal override bool Matches(FileProbe probe) => probe.StartHas(VdiHeader.SignatureOffset, VdiHeader.Signature);

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options)
        => new VdiImage(storage, options);

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
    {
        if (options.Size < 0 || options.Size % VdiHeader.SectorSize != 0)
            throw InvalidSize(options, "must be a multiple of 512", Math.Max(0, options.Size / VdiHeader.SectorSize * VdiHeader.SectorSize), target);
        if (options.Size > MaximumSize)
            throw InvalidSize(options, $"can be at most {Text(MaximumSize)}", MaximumSize, target);
        return new VdiImageWriter(target.Storage, options.Size, options.Subformat == Subformat.Fixed);
    }

    private static DiskImageException InvalidSize(TargetOptions options, string rule, long nearest, ImageTarget target)
        => new(ErrorKind.InvalidSize, $"the size of a VDI image {rule} bytes, not {Text(options.Size)}", target.Storage.Path)
        {
            Remedy = Remedy.TakeNearest("size", nearest),
        };
}
