using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;

namespace Qed.Formats.Raw;

/// <summary>Raw images: the guest's bytes and nothing else.</summary>
internal sealed class RawFormat : ImageFormat
{
    public override string Name => BackingReference.RawName;

    public override IReadOnlyList<string> Extensions { get; } = [".raw", ".img", ".bin", ".dd"];

    public override int SizeGranularity(Subformat subformat) => 1;

    public override bool IsGuestBytes => true;

    internal override bool Matches(FileProbe probe) => false;

    private protected override DiskImage OpenCore(BlockStorage storage, ImageOpenOptions options) => new RawImage(storage);

    private protected override ImageWriter CreateWriterCore(ImageTarget target, TargetOptions options)
        => new FlatImageWriter(target.Storage, options.Size);
}
