using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Qed.Formats.Qcow2;

/// <summary>The header extension that names feature bits, for programs that do not know them.</summary>
internal static class FeatureNameTable
{
    private const int EntryBytes = 48;
    private const int NameOffset = 2;
    private const int Incompatible = 0;
    private const int Compatible = 1;
    private const int Autoclear = 2;

    // The names that QEMU writes, so that every program's messages agree.
    private static readonly (int Kind, int Bit, string Name)[] Own =
    [
        (Incompatible, 0, "dirty bit"),
        (Incompatible, 1, "corrupt bit"),
        (Incompatible, 2, "external data file"),
        (Incompatible, 3, "compression type"),
        (Incompatible, 4, "extended L2 entries"),
        (Compatible, 0, "lazy refcounts"),
        (Autoclear, 0, "bitmaps"),
        (Autoclear, 1, "raw external data"),
    ];

    /// <summary>The table as we write it.</summary>
    internal static byte[] Encode()
    {
        byte[] table = new byte[Own.Length * EntryBytes];
        for (int i = 0; i < Own.Length; i++)
        {
            Span<byte> entry = table.AsSpan(i * EntryBytes, EntryBytes);
            entry[0] = (byte)Own[i].Kind;
            entry[1] = (byte)Own[i].Bit;
            Encoding.ASCII.GetBytes(Own[i].Name).CopyTo(entry.Slice(NameOffset));
        }

        return table;
    }

    /// <summary>What the bits of a set of incompatible features are called, by an image's own table where it says.</summary>
    internal static string Describe(ulong features, ReadOnlySpan<byte> table)
    {
        Dictionary<int, string> names = Parse(table);
        IEnumerable<string> bits = Enumerable.Range(0, 64)
            .Where(bit => (features >> bit & 1) != 0)
            .Select(bit => names.TryGetValue(bit, out string? name) ? $"'{name}' (bit {bit})" : $"bit {bit}");
        return string.Join(", ", bits);
    }

    private static Dictionary<int, string> Parse(ReadOnlySpan<byte> table)
    {
        var names = new Dictionary<int, string>();
        for (; table.Length >= EntryBytes; table = table.Slice(EntryBytes))
        {
            string name = Printable(table.Slice(NameOffset, EntryBytes - NameOffset));
            if (table[0] == Incompatible && name.Length > 0)
                names[table[1]] = name;
        }

        return names;
    }

    /// <summary>The name goes into a message, where control characters from an untrusted file have no business.</summary>
    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        var text = new StringBuilder();
        foreach (byte value in end < 0 ? bytes : bytes.Slice(0, end))
            text.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        return text.ToString();
    }
}
