using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Raw;

/// <summary>An open raw image: guest and host offsets are the same.</summary>
internal sealed class RawImage(BlockStorage storage) : FlatImage(storage, storage.Length)
{
    public override bool CanWrite => Storage.CanWrite;

    public override string Format => BackingReference.RawName;

    /// <summary>A device tells what its guests count in.</summary>
    internal override ImageDetails Details => new() { LogicalSectorSize = Storage.LogicalSectorSize() };
}
