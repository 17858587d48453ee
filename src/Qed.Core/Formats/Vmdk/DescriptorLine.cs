using System;
using System.Globalization;

namespace Qed.Formats.Vmdk;

/// <summary>The two kinds of lines that a descriptor consists of, beside comments.</summary>
internal static class DescriptorLine
{
    private static readonly string[] Accesses = ["RW", "RDONLY", "NOACCESS"];
    private static readonly string[] Types = ["FLAT", "VMFS", "SPARSE", "ZERO", "VMFSSPARSE", "SESPARSE", "VMFSRDM", "VMFSRAW"];
    private static readonly char[] Blanks = [' ', '\t'];

    /// <summary>Takes <c>name = "value"</c> apart; the quotes may be missing.</summary>
    internal static bool TryParseValue(string line, out string name, out string value)
    {
        int sign = line.IndexOf('=');
        name = sign < 0 ? string.Empty : line.Substring(0, sign).Trim();
        value = line.Substring(sign + 1).Trim();
        if (value.Length >= 2 && value[0] == '"' && value[value.Length - 1] == '"')
            value = value.Substring(1, value.Length - 2);
        return name.Length > 0;
    }

    /// <summary>Takes <c>RW 2048 FLAT "name" 0</c> apart.</summary>
    /// <param name="line">The line, trimmed.</param>
    /// <param name="extent">The extent; null where the line is meant as one but breaks a rule.</param>
    /// <returns>Whether the line starts as extents do.</returns>
    internal static bool TryParseExtent(string line, out DescriptorExtent? extent)
    {
        extent = null;
        string[] words = line.Split(Blanks, 4, StringSplitOptions.RemoveEmptyEntries);
        string access = words[0];
        if (Array.FindIndex(Accesses, known => Is(access, known)) < 0)
            return false;
        if (words.Length < 3 || !TryParseSectors(words[1], out long sectors))
            return true;
        DescriptorExtentType type = TypeOf(words[2]);
        if (!TryParseFile(words.Length > 3 ? words[3] : string.Empty, out string? file, out long firstSector))
            return true;
        if (file is null && type is DescriptorExtentType.Flat or DescriptorExtentType.Sparse)
            return true;
        // What nobody may read can only be zeroes.
        if (Is(access, "NOACCESS") && type != DescriptorExtentType.Zero)
            type = DescriptorExtentType.Unsupported;
        extent = new DescriptorExtent(sectors, type, Is(access, "NOACCESS") ? $"{access} {words[2]}" : words[2], file, firstSector);
        return true;
    }

    /// <summary>Whether a line has the size and the type of an extent, whatever stands before them.</summary>
    internal static bool ResemblesExtent(string line)
    {
        string[] words = line.Split(Blanks, 4, StringSplitOptions.RemoveEmptyEntries);
        return words.Length >= 3 && TryParseSectors(words[1], out _) && Array.FindIndex(Types, known => Is(words[2], known)) >= 0;
    }

    /// <summary>The file name in quotes, and what may follow it.</summary>
    private static bool TryParseFile(string rest, out string? file, out long firstSector)
    {
        file = null;
        firstSector = 0;
        if (rest.Length == 0)
            return true;
        int end = rest.IndexOf('"', 1);
        if (rest[0] != '"' || end < 0)
            return false;
        file = rest.Substring(1, end - 1);
        string[] behind = rest.Substring(end + 1).Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
        return behind.Length == 0 || TryParseSectors(behind[0], out firstSector);
    }

    private static DescriptorExtentType TypeOf(string name)
        => Is(name, "FLAT") || Is(name, "VMFS") ? DescriptorExtentType.Flat
            : Is(name, "SPARSE") ? DescriptorExtentType.Sparse
            : Is(name, "ZERO") ? DescriptorExtentType.Zero
            : DescriptorExtentType.Unsupported;

    private static bool TryParseSectors(string text, out long sectors)
        => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out sectors) && sectors <= long.MaxValue / SparseHeader.SectorSize;

    private static bool Is(string text, string name) => string.Equals(text, name, StringComparison.OrdinalIgnoreCase);
}
