using System;
using System.Buffers.Binary;
using Qed.Units;

namespace Qed.Layout;

/// <summary>The 64 bytes at the start of a QED image (QED specification, "Header").</summary>
internal sealed record QedHeader
{
    /// <summary>Bytes that the fixed part takes on disk.</summary>
    public const int Size = 64;

    /// <summary>Where the autoclear features lie.</summary>
    internal const int AutoclearOffset = 32;

    /// <summary>Where the offset of the L1 table lies, a number like a table entry.</summary>
    internal const int L1Field = 40;

    /// <summary>"QED\0" as a little-endian number.</summary>
    public const uint Magic = 0x00444551;

    /// <summary>Where QEMU writes a backing file name.</summary>
    public const int BackingNameDefaultOffset = Size;

    /// <summary>The longest backing file name that QEMU opens, in bytes of UTF-8.</summary>
    public const int MaximumBackingNameSize = 1023;

    /// <summary>Cluster and table size.</summary>
    public required QedGeometry Geometry { get; init; }

    /// <summary>Clusters that the header takes up, the backing file name included.</summary>
    public uint HeaderClusters { get; init; } = 1;

    /// <summary>Incompatible feature bits.</summary>
    public QedFeatures Features { get; init; }

    /// <summary>Compatible feature bits; none is defined, and unknown ones are kept.</summary>
    public ulong CompatibleFeatures { get; init; }

    /// <summary>Autoclear feature bits; none is defined, and unknown ones are cleared before the first change.</summary>
    public ulong AutoclearFeatures { get; init; }

    /// <summary>Where the L1 table starts.</summary>
    public required HostOffset L1TableOffset { get; init; }

    /// <summary>Size of the guest's disk in bytes, a multiple of 512.</summary>
    public required long ImageSize { get; init; }

    /// <summary>Where the backing file name starts, in bytes from the start of the file.</summary>
    public uint BackingNameOffset { get; init; }

    /// <summary>Bytes of the backing file name.</summary>
    public uint BackingNameSize { get; init; }

    /// <summary>Bytes that belong to the header, the backing file name included.</summary>
    public long HeaderBytes => (long)HeaderClusters * Geometry.ClusterSize;

    /// <summary>Whether the image names a backing file.</summary>
    public bool HasBackingFile => (Features & QedFeatures.BackingFile) != 0;

    /// <summary>Whether the image was not closed cleanly.</summary>
    public bool NeedsCheck => (Features & QedFeatures.NeedCheck) != 0;

    /// <summary>What a repair that can be undone has left; null where there was none, or the image was written since.</summary>
    internal RepairMark? RepairMark => Layout.RepairMark.In(AutoclearFeatures);

    /// <summary>The first host offset behind the L1 table.</summary>
    public HostOffset L1TableEnd => L1TableOffset + Geometry.TableBytes;

    /// <summary>Writes the 64 bytes.</summary>
    /// <param name="target">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(4), (uint)Geometry.ClusterSize);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(8), (uint)Geometry.TableSize);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(12), HeaderClusters);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(16), (ulong)Features);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(24), CompatibleFeatures);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(AutoclearOffset), AutoclearFeatures);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(L1Field), L1TableOffset.Value);
        BinaryPrimitives.WriteInt64LittleEndian(target.Slice(48), ImageSize);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(56), BackingNameOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(target.Slice(60), BackingNameSize);
    }
}
