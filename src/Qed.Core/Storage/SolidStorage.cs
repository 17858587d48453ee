namespace Qed.Storage;

/// <summary>A storage to be read whole, whatever the host says of its holes, for those who must not overlook anything.</summary>
internal sealed class SolidStorage(BlockStorage storage) : ReadOnlyView(storage);
