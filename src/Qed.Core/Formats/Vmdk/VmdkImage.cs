using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats.Vmdk;

/// <summary>An open VMDK image: its extents side by side.</summary>
internal sealed class VmdkImage : DiskImage
{
    private readonly BlockStorage _storage;
    private readonly Descriptor _descriptor;
    private readonly VmdkExtent[] _extents;
    private readonly long[] _starts;
    private readonly BlockPlacement?[] _placements;
    private readonly IReadOnlyList<BlockStorage> _others;

    /// <param name="storage">The image's own file.</param>
    /// <param name="descriptor">Its descriptor.</param>
    /// <param name="extents">All extents in guest order; none where no data will be read.</param>
    /// <param name="others">The further files, which the image owns like its own.</param>
    /// <param name="details">What the format has to say.</param>
    /// <param name="length">Bytes of the guest's disk.</param>
    internal VmdkImage(BlockStorage storage, Descriptor descriptor, VmdkExtent[] extents, IReadOnlyList<BlockStorage> others, ImageDetails details, long length)
    {
        _storage = storage;
        _descriptor = descriptor;
        _extents = extents;
        _others = others;
        _starts = new long[extents.Length];
        for (int i = 1; i < extents.Length; i++)
            _starts[i] = _starts[i - 1] + extents[i - 1].Length;
        _placements = extents.Select((extent, i) => extent.PlacementFrom(_starts[i])).ToArray();
        Details = details;
        Length = length;
        BackingReference = descriptor.ParentName is { } name ? ReferenceTo(name) : null;
    }

    public override string Path => _storage.Path;

    public override IReadOnlyList<string> Files => [.. _others.Select(file => file.Path).Prepend(Path).Distinct()];

    public override string Format => "vmdk";

    public override long Length { get; }

    internal override BackingReference? BackingReference { get; }

    internal override ImageDetails Details { get; }

    /// <summary>The id that images resting on this one remember.</summary>
    internal uint ContentId => _descriptor.ContentId;

    internal override BlockStorage? ExtentStorage => _others.Count switch
    {
        0 => _storage,
        1 => _others[0],
        _ => null,
    };

    internal override BlockPlacement? PlacementAt(GuestOffset offset) => _placements[IndexAt(offset.Value)];

    internal override string? CheckBacking(DiskImage backing)
    {
        if (backing is not VmdkImage parent)
            throw new DiskImageException(ErrorKind.ImageCorrupt, $"the parent '{backing.Path}' is no VMDK image", Path) { Structure = "descriptor field parentFileNameHint" };
        if (parent.ContentId == _descriptor.ParentContentId)
            return null;
        throw new DiskImageException(
            ErrorKind.ImageCorrupt, $"the content id of '{backing.Path}' is {parent.ContentId:x8}, so it is not the parent that this image was made on, or was changed since", Path)
        {
            Structure = "descriptor field parentCID",
            Value = _descriptor.ParentContentId,
        };
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        (VmdkExtent extent, long within) = Locate(offset.Value);
        ExtentRun run = extent.Find(within, Math.Min(maximum, extent.Length - within));
        return new Extent(offset, run.Length, run.Kind, run.HostOffset is { } host ? new HostOffset(host) : null)
        {
            IsCompressed = run.Kind == ExtentKind.Data && run.HostOffset is null,
        };
    }

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        (VmdkExtent extent, long within) = Locate(offset.Value);
        ExtentRun run = extent.FindToRead(within, Math.Min(buffer.Length, extent.Length - within));
        Span<byte> part = buffer.Slice(0, (int)run.Length);
        if (run.Kind == ExtentKind.Data)
            extent.Read(within, run, part);
        else
            ReadBeneath(offset, run.Kind, part);
        return part.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (BlockStorage file in _others)
                file.Dispose();
            _storage.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>A full path stops being right when a machine is moved; the parent is then mostly found beside the image.</summary>
    private static BackingReference ReferenceTo(string name)
    {
        string bare = name.Substring(name.LastIndexOfAny(['/', '\\']) + 1);
        bool isFull = name[0] is '/' or '\\' || (name.Length > 1 && name[1] == ':');
        return new BackingReference(name, "vmdk") { OtherNames = isFull && bare.Length > 0 ? [bare] : [] };
    }

    private (VmdkExtent Extent, long Within) Locate(long offset)
    {
        int index = IndexAt(offset);
        return (_extents[index], offset - _starts[index]);
    }

    private int IndexAt(long offset)
    {
        if (_extents.Length == 0)
            throw new InvalidOperationException("The image was opened without its data.");
        int index = Array.BinarySearch(_starts, offset);
        return index < 0 ? ~index - 1 : index;
    }
}
