using System.Linq;
using System.Management.Automation;
using Qed.Operations;

namespace Qed;

/// <summary>What there is to know about a disk image. Members that its format lacks are null.</summary>
public class ImageInfo : ImageResult
{
    private readonly ImageDescription _image;

    internal ImageInfo(ImageDescription image)
    {
        _image = image;
        Features = image.Features.ToArray();
        Snapshots = image.Snapshots.ToArray();
    }

    /// <summary>Full path of the image's file.</summary>
    public override string Path => _image.Path;

    /// <summary>Short name of the format.</summary>
    public string Format => _image.Format;

    /// <summary>Variant of the format, in the format's own words.</summary>
    public string? Subformat => _image.Subformat;

    /// <summary>Bytes of the disk that the guest sees.</summary>
    public ulong Size => (ulong)_image.Size;

    /// <summary>Length of the image's file in bytes.</summary>
    public ulong FileSize => (ulong)_image.FileSize;

    /// <summary>Bytes that the file takes up on the host's disk.</summary>
    public ulong? AllocatedSize => (ulong?)_image.AllocatedSize;

    /// <summary>Bytes in a cluster.</summary>
    public ulong? ClusterSize => (ulong?)_image.ClusterSize;

    /// <summary>The same as <see cref="ClusterSize"/>, by its name in Get-VHD.</summary>
    public ulong? BlockSize => ClusterSize;

    /// <summary>Clusters in a table.</summary>
    public int? TableSize => _image.TableSize;

    /// <summary>Bytes in a sector as the guest addresses it.</summary>
    public uint? LogicalSectorSize => (uint?)_image.LogicalSectorSize;

    /// <summary>Bytes in a sector as the disk tells its guest that it writes it.</summary>
    public uint? PhysicalSectorSize => (uint?)_image.PhysicalSectorSize;

    /// <summary>The largest size in bytes that the disk can grow to in place.</summary>
    public ulong? MaximumSize => (ulong?)_image.MaximumSize;

    /// <summary>Whether the image was not closed cleanly.</summary>
    public bool? NeedsCheck => _image.NeedsCheck;

    /// <summary>Names of the features that are set.</summary>
    public string[] Features { get; }

    /// <summary>Names of the internal snapshots.</summary>
    public string[] Snapshots { get; }

    /// <summary>Backing file name as the image stores it.</summary>
    public string? BackingPath => _image.BackingPath;

    /// <summary>The backing file by its full path, as Get-VHD tells it; as stored where its name is of a form that is never opened.</summary>
    public string? ParentPath => BackingFullPath ?? BackingPath;

    /// <summary>Full path of the backing file; null also where its name is of a form that is never opened.</summary>
    public string? BackingFullPath => _image.BackingFullPath;

    /// <summary>Format of the backing file, where the image fixes it.</summary>
    public string? BackingFormat => _image.BackingFormat;

    /// <summary>Whether somebody has the image open for writing; null where the system does not tell.</summary>
    public bool? InUse => _image.InUse;

    /// <summary>Who has the image open for writing; null where nobody has, or the system does not tell.</summary>
    public string? InUseBy => _image.InUseBy;

    /// <summary>How the image uses space, in words that are the same for all formats.</summary>
    [Hidden]
    public string? TypeText => BackingPath is not null ? "differencing" : Subformat switch
    {
        "fixed" or "static" or "monolithicFlat" or "twoGbMaxExtentFlat" or "vmfs" => "fixed",
        "streamOptimized" => "stream",
        _ => _image.IsGuestBytes ? null : "dynamic",
    };

    /// <summary>See <see cref="Size"/>.</summary>
    [Hidden]
    public string SizeText => ByteSize.Format(Size);

    /// <summary>See <see cref="AllocatedSize"/>.</summary>
    [Hidden]
    public string AllocatedText => ByteSize.Format(AllocatedSize);

    /// <summary>How much of the disk's size is taken up on the host.</summary>
    [Hidden]
    public string? UsedText => ViewText.Share(AllocatedSize, Size);

    /// <summary>What needs attention; null where nothing does.</summary>
    [Hidden]
    public string? StateText => InUse == true ? "in use" : NeedsCheck == true ? "needs check" : null;

    /// <summary>The file's name, and what the image rests on.</summary>
    [Hidden]
    public string NameText => BackingPath is null ? Name : $"{Name} -> {BackingPath}";

    /// <summary>See <see cref="Size"/>.</summary>
    [Hidden]
    public string? SizeLongText => ViewText.Bytes(Size);

    /// <summary>See <see cref="FileSize"/>.</summary>
    [Hidden]
    public string? FileSizeLongText => ViewText.Bytes(FileSize);

    /// <summary>See <see cref="AllocatedSize"/>.</summary>
    [Hidden]
    public string? AllocatedLongText => ViewText.Bytes(AllocatedSize);

    /// <summary>See <see cref="ClusterSize"/>.</summary>
    [Hidden]
    public string? ClusterText => ClusterSize is null ? null : ByteSize.Format(ClusterSize);

    /// <summary>See <see cref="MaximumSize"/>.</summary>
    [Hidden]
    public string? MaximumText => ViewText.Bytes(MaximumSize);
}
