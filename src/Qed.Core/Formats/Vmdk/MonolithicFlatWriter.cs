using System;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Units;

namespace Qed.Formats.Vmdk;

/// <summary>Fills a fresh monolithicFlat image: a descriptor, and beside it a raw file that it names.</summary>
internal sealed class MonolithicFlatWriter : ImageWriter
{
    private readonly BlockStorage _target;
    private readonly byte[] _descriptor;
    private readonly FlatImageWriter _data;

    /// <param name="target">The descriptor's empty file.</param>
    /// <param name="size">Bytes of the guest's disk.</param>
    internal MonolithicFlatWriter(ImageTarget target, long size)
    {
        (string name, BlockStorage extent) = target.AddCompanion(ExtentNames.FlatOf(target.Target));
        _target = target.Storage;
        _descriptor = DescriptorWriter.Write(
            new Descriptor
            {
                ContentId = DescriptorWriter.NewContentId(),
                CreateType = "monolithicFlat",
                Extents = [new DescriptorExtent(size / SparseHeader.SectorSize, DescriptorExtentType.Flat, "FLAT", name, 0)],
            },
            target.Target);
        _data = new FlatImageWriter(extent, size);
    }

    public override int Grain => _data.Grain;

    public override void Reserve(GuestOffset offset, long length) => _data.Reserve(offset, length);

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer) => _data.Write(offset, buffer);

    internal override bool TryClone(GuestOffset offset, BlockStorage source, HostOffset from, long length) => _data.TryClone(offset, source, from, length);

    public override void WriteZeroes(GuestOffset offset, long length) => _data.WriteZeroes(offset, length);

    public override void Complete()
    {
        _data.Complete();
        _target.Write(0, _descriptor);
        _target.Flush();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _data.Dispose();
        base.Dispose(disposing);
    }
}
