using System.IO;
using Qed.Targets;

namespace Qed.Formats.Vmdk;

/// <summary>The descriptor of a new image that is one sparse extent, and lies within it.</summary>
internal static class EmbeddedDescriptor
{
    /// <summary>Makes the text, padded to the sectors that are set aside for it.</summary>
    /// <param name="target">The image; the text has the name that it will have.</param>
    /// <param name="createType">The variant.</param>
    /// <param name="sectors">Sectors of the guest's disk.</param>
    /// <param name="parentId">The parent's content id; null without a parent.</param>
    /// <param name="parentName">The parent's name as it is to be stored.</param>
    /// <exception cref="DiskImageException">UnsupportedFeature for names that do not fit.</exception>
    internal static byte[] Create(ImageTarget target, string createType, long sectors, uint? parentId, string? parentName)
    {
        byte[] text = DescriptorWriter.Write(
            new Descriptor
            {
                ContentId = DescriptorWriter.NewContentId(),
                ParentContentId = parentId ?? Descriptor.NoParent,
                ParentName = parentName,
                CreateType = createType,
                Extents = [new DescriptorExtent(sectors, DescriptorExtentType.Sparse, "SPARSE", Path.GetFileName(target.Target), 0)],
            },
            target.Target);
        byte[] padded = new byte[DescriptorWriter.EmbeddedSectors * SparseHeader.SectorSize];
        text.CopyTo(padded, 0);
        return padded;
    }
}
