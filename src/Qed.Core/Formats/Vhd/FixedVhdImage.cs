using Qed.Formats.Raw;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>An open fixed VHD: a raw image with a footer.</summary>
internal sealed class FixedVhdImage : RawImage, IVhdImage
{
    private readonly ImageDetails _details;

    internal FixedVhdImage(HostFile storage, FoundFooter found)
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

    public override string Format => VhdFormat.FormatName;

    public override ImageDetails Details => _details;

    public VhdFooter Footer { get; }
}
