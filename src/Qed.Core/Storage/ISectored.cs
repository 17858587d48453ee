namespace Qed.Storage;

/// <summary>A storage that may be a device with sectors of its own.</summary>
internal interface ISectored
{
    /// <summary>Bytes of a sector of a device; null for what has none, or where the host does not tell.</summary>
    int? LogicalSectorSize { get; }
}
