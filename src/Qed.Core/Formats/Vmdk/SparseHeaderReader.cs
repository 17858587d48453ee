using System;
using System.Buffers.Binary;
using System.Globalization;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Formats.Vmdk;

/// <summary>Reads the header of a sparse extent, and the footer that takes its place in streams. Whatever leaves here is within bounds.</summary>
internal static class SparseHeaderReader
{
    // As QEMU bounds them; real extents have 128 sectors and 512 entries.
    private const ulong MostGrainSectors = 1 << 21;
    private const uint MostEntries = 1 << 16;
    // Each compressed grain is held whole in memory.
    private const ulong MostCompressedSectors = 1 << 15;
    // 128 TiB with the usual grain, and little enough to be walked through in a moment.
    private const long MostTables = 1 << 22;
    private const ulong MostSectors = long.MaxValue / SparseHeader.SectorSize;
    private const uint IncompatibleFlags = 0xffff0000;
    private const int LatestVersion = 3;

    /// <summary>Reads and checks the header of an extent.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt, UnsupportedFeature, or ImageNotRecognized for another kind of file.</exception>
    internal static SparseHeader Read(BlockStorage file)
    {
        long length = file.Length;
        SparseHeader header = ReadAt(file, 0, "header");
        if (header.Directory == SparseHeader.DirectoryAtEnd)
            header = ReadFooter(file, length);
        RequireDirectories(file, header, length);
        return header;
    }

    /// <summary>Whether a sector starts with the signature of a sparse extent.</summary>
    internal static bool HasMagic(ReadOnlySpan<byte> sector)
        => sector.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(sector) == SparseHeader.Magic;

    /// <summary>The footer takes precedence: all that was not known when the header was written stands in it.</summary>
    private static SparseHeader ReadFooter(BlockStorage file, long length)
    {
        long end = length & -SparseHeader.SectorSize;
        long footer = end - (2 * SparseHeader.SectorSize);
        long marker = footer - SparseHeader.SectorSize;
        if (marker < SparseHeader.Size || StreamMarker.Read(file, marker) is not { IsGrain: false, Type: StreamMarkerType.Footer })
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the header says that a footer ends the file, but there is none: the file is cut off", file.Path)
            {
                Structure = "footer marker",
                Offset = Math.Max(0, marker),
                Remedy = Remedy.Advice("Transfer or export the file again."),
            };
        }

        SparseHeader header = ReadAt(file, footer, "footer");
        return header.Directory != SparseHeader.DirectoryAtEnd ? header
            : throw Corrupt(file, "the footer does not say where the grain directory lies", "footer field gdOffset", footer + 56, header.Directory);
    }

    private static SparseHeader ReadAt(BlockStorage file, long offset, string structure)
    {
        Span<byte> sector = stackalloc byte[SparseHeader.Size];
        if (file.Read(offset, sector) < SparseHeader.Size)
            throw Corrupt(file, $"the {structure} is cut off by the end of the file", structure, offset, null);
        if (!HasMagic(sector))
            throw Corrupt(file, $"the signature of the {structure} is missing", structure, offset, BinaryPrimitives.ReadUInt32LittleEndian(sector));
        var fields = new Fields(file, sector, offset, structure);
        uint version = fields.UInt32(4);
        if (version is 0 or > LatestVersion)
            throw Unsupported(fields, $"version {Text(version)} of sparse extents is not supported", "version", 4, version);
        var flags = (SparseFlags)fields.UInt32(8);
        RequireFlags(fields, sector, flags);
        bool isCompressed = (flags & SparseFlags.Compressed) != 0;
        return new SparseHeader
        {
            Version = (int)version,
            Flags = flags,
            Capacity = (long)fields.Bounded(12, "capacity", 1, MostSectors, "the capacity is zero or beyond all bounds"),
            GrainSectors = GrainSectors(fields, isCompressed),
            DescriptorSector = (long)fields.Bounded(28, "descriptorOffset", 0, MostSectors, "the descriptor lies beyond all bounds"),
            DescriptorSectors = (long)fields.Bounded(36, "descriptorSize", 0, MostSectors, "the descriptor's size is beyond all bounds"),
            EntriesPerTable = (int)fields.Bounded32(44, "numGTEsPerGT", 1, MostEntries, "the number of entries in a grain table is zero or beyond all bounds"),
            RedundantDirectory = fields.UInt64(48),
            Directory = fields.UInt64(56),
            Overhead = (long)Math.Min(fields.UInt64(64), MostSectors),
            UncleanShutdown = sector[72] != 0,
            Compression = Compression(fields, sector, isCompressed),
        };
    }

    private static void RequireFlags(Fields fields, ReadOnlySpan<byte> sector, SparseFlags flags)
    {
        uint unknown = (uint)flags & IncompatibleFlags & ~(uint)(SparseFlags.Compressed | SparseFlags.Markers);
        if (unknown != 0)
            throw Unsupported(fields, $"the extent needs a feature that is not known here: flags 0x{unknown.ToString("x", CultureInfo.InvariantCulture)}", "flags", 8, (uint)flags);
        if ((flags & SparseFlags.NewLineTest) != 0 && !sector.Slice(73, 4).SequenceEqual("\n \r\n"u8))
        {
            throw Corrupt(
                fields.File, "the newline test bytes were changed, so the file was damaged by a transfer as text", fields.Name("newline bytes"), fields.Offset + 73, fields.UInt32(73));
        }

        if ((flags & SparseFlags.Compressed) != 0 != ((flags & SparseFlags.Markers) != 0))
            throw Unsupported(fields, "compressed grains without markers, and markers without compression, are not supported", "flags", 8, (uint)flags);
    }

    private static long GrainSectors(Fields fields, bool isCompressed)
    {
        ulong sectors = fields.Bounded(20, "grainSize", 1, MostGrainSectors, "the grain size is zero or larger than 1 GiB");
        if ((sectors & (sectors - 1)) != 0)
            throw Corrupt(fields.File, "the grain size is no power of two", fields.Name("grainSize"), fields.Offset + 20, sectors);
        if (isCompressed && sectors > MostCompressedSectors)
            throw Unsupported(fields, "compressed grains of more than 16 MiB are not supported", "grainSize", 20, sectors);
        return (long)sectors;
    }

    private static ushort Compression(Fields fields, ReadOnlySpan<byte> sector, bool isCompressed)
    {
        ushort algorithm = BinaryPrimitives.ReadUInt16LittleEndian(sector.Slice(77));
        if (isCompressed && algorithm != SparseHeader.Deflated)
            throw Unsupported(fields, $"the compression algorithm {Text(algorithm)} is not known", "compressAlgorithm", 77, algorithm);
        if (!isCompressed && algorithm != SparseHeader.NotCompressed)
            throw Corrupt(fields.File, "a compression algorithm is given, but the flag for compressed grains is not set", fields.Name("compressAlgorithm"), fields.Offset + 77, algorithm);
        return algorithm;
    }

    /// <summary>One directory that lies in the file whole is enough, and bounds the capacity by the file's length.</summary>
    private static void RequireDirectories(BlockStorage file, SparseHeader header, long length)
    {
        bool isThere = LiesInside(header.Directory, header, length)
            || ((header.Flags & SparseFlags.RedundantDirectory) != 0 && LiesInside(header.RedundantDirectory, header, length));
        if (!isThere)
            throw Corrupt(file, "the grain directory does not lie within the file", "header field gdOffset", 56, header.Directory);
        if (header.Tables > MostTables)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "sparse extents of more than 4194304 grain tables are not supported", file.Path)
            {
                Structure = "header field capacity",
                Offset = 12,
                Value = (ulong)header.Capacity,
            };
        }
    }

    /// <summary>Whether a grain directory at a sector lies in the file, behind the header.</summary>
    internal static bool LiesInside(ulong sector, SparseHeader header, long length)
        => sector >= 1 && sector <= MostSectors && header.Tables <= length / SparseHeader.EntrySize
            && (long)sector * SparseHeader.SectorSize <= length - (header.Tables * SparseHeader.EntrySize);

    private static DiskImageException Corrupt(BlockStorage file, string rule, string structure, long offset, ulong? value)
        => new(ErrorKind.ImageCorrupt, rule, file.Path) { Structure = structure, Offset = offset, Value = value };

    private static DiskImageException Unsupported(Fields fields, string rule, string field, int offset, ulong value)
        => new(ErrorKind.UnsupportedFeature, rule, fields.File.Path) { Structure = fields.Name(field), Offset = fields.Offset + offset, Value = value };

    /// <summary>The fields of one header sector, each checked as it is read.</summary>
    private readonly ref struct Fields(BlockStorage file, ReadOnlySpan<byte> sector, long offset, string structure)
    {
        private readonly ReadOnlySpan<byte> _sector = sector;

        internal BlockStorage File { get; } = file;

        internal long Offset { get; } = offset;

        private string Structure { get; } = structure;

        internal string Name(string field) => $"{Structure} field {field}";

        internal uint UInt32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_sector.Slice(at));

        internal ulong UInt64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_sector.Slice(at));

        internal ulong Bounded(int at, string field, ulong least, ulong most, string rule) => Bounded(UInt64(at), at, field, least, most, rule);

        internal ulong Bounded32(int at, string field, uint least, uint most, string rule) => Bounded(UInt32(at), at, field, least, most, rule);

        private ulong Bounded(ulong value, int at, string field, ulong least, ulong most, string rule)
            => value >= least && value <= most ? value : throw Corrupt(File, rule, Name(field), Offset + at, value);
    }
}
