using System;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats;

/// <summary>An image in one file that is only read, and read by what its extents say; a format adds where these come from.</summary>
internal abstract class MappedImage(BlockStorage storage) : DiskImage
{
    public override string Path => Storage.Path;

    internal override BlockStorage ExtentStorage => Storage;

    /// <summary>The image's file.</summary>
    protected BlockStorage Storage { get; } = storage;

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        Extent extent = FindExtent(offset, buffer.Length);
        ReadExtent(extent, buffer.Slice(0, (int)extent.Length));
        return (int)extent.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Storage.Dispose();
        base.Dispose(disposing);
    }

    private void ReadExtent(Extent extent, Span<byte> buffer)
    {
        if (extent.Kind != ExtentKind.Data)
            ReadBeneath(extent.Offset, extent.Kind, buffer);
        else
            Storage.ReadWhole(extent.HostOffset!.Value.Value, buffer);
    }
}
