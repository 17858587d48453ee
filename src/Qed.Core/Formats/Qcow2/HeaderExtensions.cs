using System;
using System.Buffers.Binary;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>The tagged pieces between the header and the backing file name. Unknown ones are passed over.</summary>
internal sealed class HeaderExtensions
{
    internal const uint BackingFormatTag = 0xe2792aca;
    internal const uint FeatureNamesTag = 0x6803f857;
    internal const uint DataFileTag = 0x44415441;
    internal const uint BitmapsTag = 0x23852875;
    internal const uint EndTag = 0;

    /// <summary>Bytes of a tag and the length behind it.</summary>
    internal const int HeadBytes = 8;

    private const int MaximumFormatLength = 15;
    private const int Alignment = 8;

    /// <summary>The backing file's format as stored; null where it is not.</summary>
    internal string? BackingFormat { get; private set; }

    /// <summary>The external data file as stored; null where it is not.</summary>
    internal string? DataFile { get; private set; }

    /// <summary>The raw feature-name table, empty where there is none.</summary>
    internal byte[] FeatureNames { get; private set; } = [];

    /// <summary>Where the persistent bitmaps are listed.</summary>
    internal BitmapDirectory Bitmaps { get; private set; }

    /// <summary>Bytes that an extension takes up with its head and padding.</summary>
    internal static int PaddedLength(int dataLength) => HeadBytes + ((dataLength + Alignment - 1) & -Alignment);

    /// <summary>Writes one extension and returns the bytes it takes up.</summary>
    internal static int Write(Span<byte> target, uint tag, ReadOnlySpan<byte> data)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, tag);
        BinaryPrimitives.WriteInt32BigEndian(target.Slice(4), data.Length);
        data.CopyTo(target.Slice(HeadBytes));
        return PaddedLength(data.Length);
    }

    /// <summary>Reads the extensions of a header.</summary>
    /// <param name="bytes">The first cluster, up to the backing file name.</param>
    /// <param name="start">The end of the header proper.</param>
    /// <param name="storage">The image's file.</param>
    /// <exception cref="DiskImageException">ImageCorrupt where one reaches too far or holds no text.</exception>
    internal static HeaderExtensions Read(ReadOnlySpan<byte> bytes, int start, BlockStorage storage)
    {
        var extensions = new HeaderExtensions();
        for (int offset = start; bytes.Length - offset >= HeadBytes;)
        {
            uint tag = BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(offset));
            uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes.Slice(offset + 4));
            if (tag == EndTag)
                break;
            if (length > bytes.Length - offset - HeadBytes)
                throw Corrupt(storage, "a header extension reaches beyond the first cluster or into the backing file name", offset, length);
            extensions.Take(tag, bytes.Slice(offset + HeadBytes, (int)length), offset, storage);
            // Cannot overflow: the data lies within a cluster.
            offset += PaddedLength((int)length);
        }

        return extensions;
    }

    private void Take(uint tag, ReadOnlySpan<byte> data, int offset, BlockStorage storage)
    {
        switch (tag)
        {
            case BackingFormatTag when data.Length > MaximumFormatLength:
                throw Corrupt(storage, "the name of the backing file's format is longer than 15 bytes", offset, (ulong)data.Length);
            case BackingFormatTag:
                BackingFormat = StoredText.Read(data, "backing file format", offset + HeadBytes, storage);
                break;
            case DataFileTag when data.Length > Qcow2Header.MaximumNameLength:
                throw Corrupt(storage, "the data file name is longer than 1023 bytes", offset, (ulong)data.Length);
            case DataFileTag:
                DataFile = StoredText.Read(data, "data file name", offset + HeadBytes, storage);
                break;
            case BitmapsTag:
                Bitmaps = BitmapDirectory.Parse(data);
                break;
            case FeatureNamesTag:
                FeatureNames = data.ToArray();
                break;
        }
    }

    private static DiskImageException Corrupt(BlockStorage storage, string rule, long offset, ulong value)
        => new(ErrorKind.ImageCorrupt, rule, storage.Path) { Structure = "header extension", Offset = offset, Value = value };
}
