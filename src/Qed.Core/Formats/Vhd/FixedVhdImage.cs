using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>An open fixed VHD: the guest's bytes, then the footer.</summary>
internal sealed class FixedVhdImage : FlatImage, IVhdImage
{
    private readonly ImageDetails _details;

    internal FixedVhdImage(BlockStorage storage, FoundFooter found)
        : base(storage, found.Footer.DiskSize)
    {
        Footer = found.Footer;
        _details = VhdDetails.Of(found);
        if (Footer.DiskSize > found.DataEnd)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the file is shorter than its disk", storage.Path)
            {
                Structure = "VHD footer",
                Offset = found.DataEnd,
                Value = (ulong)Footer.DiskSize,
            };
        }
    }

    public override string Format => VhdFooter.FormatName;

    internal override ImageDetails Details => _details;

    public VhdFooter Footer { get; }

    public uint? LastWritten => Storage.LastWriteTime() is { } time ? VhdFooter.TimeStampOf(time) : null;
}
