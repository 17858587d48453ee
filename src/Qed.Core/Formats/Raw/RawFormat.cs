using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Raw;

/// <summary>Raw images: the guest's bytes and nothing else.</summary>
internal sealed class RawFormat : ImageFormat
{
    public override string Name => "raw";

    public override IReadOnlyList<string> Extensions { get; } = [".raw", ".img", ".bin", ".dd"];

    public override bool HasBackingFiles => false;

    public override int SizeGranularity => 1;

    internal override bool Matches(ReadOnlySpan<byte> start) => false;

    internal override DiskImage Open(HostFile storage) => new RawImage(storage);

    internal override ImageWriter CreateWriter(HostFile target, TargetOptions options)
    {
        string? refused = options switch
        {
            { ClusterSize: not null } => "a cluster size",
            { TableSize: not null } => "a table size",
            { Backing: not null } => "a backing file",
            { Compress: true } => "compression",
            { Subformat: not Subformat.Dynamic } => $"the subformat {options.Subformat}",
            _ => null,
        };
        if (refused is not null)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"raw images do not have {refused}", target.Path);
        return new RawImageWriter(target, options.Size);
    }
}
