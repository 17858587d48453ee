using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>Where the structures of a new image lie: headers, log, metadata and block table, then the blocks.</summary>
internal static class VhdxLayout
{
    private const int Megabyte = VhdxGeometry.Megabyte;

    /// <summary>Of the size that Hyper-V and QEMU give it, and empty.</summary>
    internal static FileRange Log { get; } = new(Megabyte, Megabyte);

    internal static FileRange Metadata { get; } = new(2 * Megabyte, Megabyte);

    internal static FileRange BlockTable(VhdxGeometry geometry, bool hasParent)
    {
        long bytes = geometry.EntryCount(hasParent) * BatEntry.Size;
        return new(3 * Megabyte, bytes == 0 ? Megabyte : (bytes + Megabyte - 1) / Megabyte * Megabyte);
    }
}
