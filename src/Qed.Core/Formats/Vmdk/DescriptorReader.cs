using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Qed.Storage;
using static Qed.Invariant;

namespace Qed.Formats.Vmdk;

/// <summary>
/// Reads a descriptor. Lines and sections that are not known are passed over, as other readers do; but not one that looks
/// like a damaged extent, which would silently make another disk of it.
/// </summary>
internal static class DescriptorReader
{
    /// <summary>The longest text that is read; a disk of 2 TiB in pieces of 2 GiB has 64 KiB.</summary>
    internal const int LongestText = 1 << 20;

    // Each may be a file to open: far beyond the 1024 pieces of the largest split disk.
    private const int MostExtents = 4096;
    private const long MostSectors = long.MaxValue / SparseHeader.SectorSize;
    private const int LatestVersion = 3;
    private const string Title = "# Disk DescriptorFile";

    private static ReadOnlySpan<byte> VersionName => "version="u8;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether a file starts as descriptors do: with their title, or with a version behind nothing but comments and blank lines.</summary>
    internal static bool IsDescriptor(ReadOnlySpan<byte> start) => HasTitle(start) || StartsWithVersion(start);

    /// <summary>Reads the descriptor that a file is.</summary>
    internal static Descriptor ReadFile(BlockStorage file)
    {
        long length = file.Length;
        return length <= LongestText ? Parse(ReadText(file, 0, (int)length), file.Path)
            : throw new DiskImageException(ErrorKind.ImageCorrupt, "the descriptor is longer than 1 MiB", file.Path) { Structure = "descriptor", Offset = 0, Value = (ulong)length };
    }

    /// <summary>Reads the descriptor within a sparse extent; null where it has none.</summary>
    internal static Descriptor? ReadEmbedded(BlockStorage file, SparseHeader header)
    {
        if (header.DescriptorSector == 0 || header.DescriptorSectors == 0)
            return null;
        long offset = header.DescriptorSector * SparseHeader.SectorSize;
        if (header.DescriptorSectors > LongestText / SparseHeader.SectorSize || header.DescriptorSector >= MostSectors || offset >= file.Length)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, "the embedded descriptor is longer than 1 MiB or lies outside the file", file.Path)
            {
                Structure = "header field descriptorOffset",
                Offset = 28,
                Value = (ulong)header.DescriptorSector,
            };
        }

        string text = ReadText(file, offset, (int)header.DescriptorSectors * SparseHeader.SectorSize);
        return text.Length == 0 ? null : Parse(text, file.Path);
    }

    /// <summary>Understands a descriptor's text.</summary>
    /// <exception cref="DiskImageException">ImageCorrupt, or UnsupportedFeature for a version that is not known.</exception>
    internal static Descriptor Parse(string text, string path)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var extents = new List<DescriptorExtent>();
        int number = 0;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (DescriptorLine.TryParseExtent(line, out DescriptorExtent? extent))
                Keep(extents, extent ?? throw Corrupt($"line {Text(number)} of the descriptor is no valid extent: {Shorten(line)}", path));
            else if (DescriptorLine.ResemblesExtent(line))
                throw Corrupt($"line {Text(number)} of the descriptor looks like an extent, and its access is none that exists: {Shorten(line)}", path);
            else if (DescriptorLine.TryParseValue(line, out string name, out string value))
                Keep(values, name, value);
            if (extents.Count > MostExtents)
                throw new DiskImageException(ErrorKind.UnsupportedFeature, $"disks of more than {Text(MostExtents)} extents are not supported", path);
        }

        RequireVersion(values, path);
        RequireExtents(extents, path);
        return new Descriptor
        {
            ContentId = Id(values, "CID", path) ?? throw Corrupt("the descriptor has no content id (CID)", path),
            ParentContentId = Id(values, "parentCID", path) ?? Descriptor.NoParent,
            CreateType = Find(values, "createType"),
            ParentName = ParentName(values, path),
            HasChangeTracking = Find(values, "changeTrackPath") is not null,
            Extents = extents,
        };
    }

    private static bool HasTitle(ReadOnlySpan<byte> start)
    {
        if (start.Length < Title.Length)
            return false;
        for (int i = 0; i < Title.Length; i++)
        {
            // The text is not case-sensitive; setting the bit makes letters lower-case and changes nothing else in it.
            if ((start[i] | 0x20) != (Title[i] | 0x20))
                return false;
        }

        return true;
    }

    private static bool StartsWithVersion(ReadOnlySpan<byte> start)
    {
        for (int end = start.IndexOf((byte)'\n'); end >= 0; end = start.IndexOf((byte)'\n'))
        {
            ReadOnlySpan<byte> line = TrimBlanks(start.Slice(0, end));
            start = start.Slice(end + 1);
            if (line.IsEmpty || line[0] == '#')
                continue;
            // So little could stand in any text: it has to be written as all writers do.
            return line.Length == VersionName.Length + 1 && line.StartsWith(VersionName) && line[VersionName.Length] is >= (byte)'1' and <= (byte)'0' + LatestVersion;
        }

        return false;
    }

    private static ReadOnlySpan<byte> TrimBlanks(ReadOnlySpan<byte> line)
    {
        while (!line.IsEmpty && line[0] is (byte)' ' or (byte)'\t')
            line = line.Slice(1);
        while (!line.IsEmpty && line[line.Length - 1] is (byte)' ' or (byte)'\t' or (byte)'\r')
            line = line.Slice(0, line.Length - 1);
        return line;
    }

    private static string? ParentName(Dictionary<string, string> values, string path)
    {
        string? name = Find(values, "parentFileNameHint");
        bool hasParent = (Id(values, "parentCID", path) ?? Descriptor.NoParent) != Descriptor.NoParent;
        if (hasParent != !string.IsNullOrEmpty(name))
        {
            throw Corrupt(
                hasParent ? "the descriptor has the id of a parent (parentCID), but not its name (parentFileNameHint)"
                    : "the descriptor names a parent (parentFileNameHint), but has no id of one (parentCID)",
                path);
        }

        return hasParent ? name : null;
    }

    private static void RequireVersion(Dictionary<string, string> values, string path)
    {
        if (Find(values, "version") is not { } text)
            throw Corrupt("the descriptor has no version", path);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int version))
            throw Corrupt($"the descriptor's version is no number: {Shorten(text)}", path);
        if (version is < 1 or > LatestVersion)
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"version {Text(version)} of descriptors is not supported", path);
    }

    private static void RequireExtents(List<DescriptorExtent> extents, string path)
    {
        if (extents.Count == 0)
            throw Corrupt("the descriptor has no extents", path);
        long sectors = 0;
        foreach (DescriptorExtent extent in extents)
        {
            if (extent.Sectors > MostSectors - sectors)
                throw Corrupt("the sizes of the extents add up beyond all bounds", path);
            sectors += extent.Sectors;
        }
    }

    private static uint? Id(Dictionary<string, string> values, string name, string path)
    {
        if (Find(values, name) is not { } text)
            return null;
        return uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint id) ? id
            : throw Corrupt($"the descriptor's {name} is no hexadecimal number: {Shorten(text)}", path);
    }

    // Writers note a layer without a disk as an extent of no sectors.
    private static void Keep(List<DescriptorExtent> extents, DescriptorExtent extent)
    {
        if (extent.Sectors > 0)
            extents.Add(extent);
    }

    // Of several the first one counts, as for other readers.
    private static void Keep(Dictionary<string, string> values, string name, string value)
    {
        if (Find(values, name) is null)
            values.Add(name, value);
    }

    private static string? Find(Dictionary<string, string> values, string name)
        => values.TryGetValue(name, out string? value) ? value : null;

    private static string ReadText(BlockStorage file, long offset, int length)
    {
        byte[] bytes = new byte[length];
        int read = file.Read(offset, bytes);
        int end = Array.IndexOf(bytes, (byte)0, 0, read);
        length = end < 0 ? read : end;
        try
        {
            return StrictUtf8.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            // The code pages that VMware names here are no part of .NET; names beyond ASCII then lead to no file.
            return Encoding.GetEncoding("iso-8859-1").GetString(bytes, 0, length);
        }
    }

    private static DiskImageException Corrupt(string rule, string path) => new(ErrorKind.ImageCorrupt, rule, path) { Structure = "descriptor" };

    private static string Shorten(string text)
    {
        const int Longest = 80;
        return text.Length <= Longest ? text : $"{text.Substring(0, Longest)}...";
    }
}
