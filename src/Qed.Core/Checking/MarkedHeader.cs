using System;
using System.Buffers.Binary;
using Qed.Layout;
using Qed.Storage;

namespace Qed.Checking;

/// <summary>Reads and writes the repair mark in an image's header: one write inside the first sector, whatever else is wrong with the header.</summary>
internal static class MarkedHeader
{
    /// <summary>The mark that an image has; null where there is none, or no QED header.</summary>
    internal static RepairMark? Read(BlockStorage image)
    {
        Span<byte> header = stackalloc byte[QedHeader.Size];
        return TryReadHeader(image, header) ? RepairMark.In(BinaryPrimitives.ReadUInt64LittleEndian(header.Slice(QedHeader.AutoclearOffset))) : null;
    }

    /// <summary>Gives an image a mark, or takes it away, durably. Other autoclear features do not outlive what is marked.</summary>
    internal static void Write(BlockStorage image, RepairMark? mark)
    {
        Span<byte> header = stackalloc byte[QedHeader.Size];
        ulong features = mark?.ToFeatures() ?? 0;
        if (!TryReadHeader(image, header) || BinaryPrimitives.ReadUInt64LittleEndian(header.Slice(QedHeader.AutoclearOffset)) == features)
            return;
        BinaryPrimitives.WriteUInt64LittleEndian(header.Slice(QedHeader.AutoclearOffset), features);
        image.Write(0, header);
        image.Flush();
    }

    private static bool TryReadHeader(BlockStorage image, Span<byte> header)
        => image.Read(0, header) == header.Length && BinaryPrimitives.ReadUInt32LittleEndian(header) == QedHeader.Magic;
}
