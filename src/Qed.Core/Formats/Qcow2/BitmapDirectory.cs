using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using Qed.Storage;

namespace Qed.Formats.Qcow2;

/// <summary>
/// The directory of persistent bitmaps, in which backup programs note what was changed. Only their names are read, to say
/// that a conversion drops them: a directory that is damaged or huge is no error, and its bitmaps are only counted.
/// </summary>
/// <param name="Count">Bitmaps, as stored.</param>
/// <param name="Offset">Where the directory lies, as stored.</param>
/// <param name="Length">Bytes of the directory, as stored.</param>
internal readonly record struct BitmapDirectory(uint Count, ulong Offset, ulong Length)
{
    private const int ExtensionBytes = 24;
    private const int EntryBytes = 24;
    private const int Alignment = 8;
    private const int MostBytes = 1 << 20;
    private const int MostNames = 20;

    /// <summary>Reads the header extension; no bitmaps where it is too short to be one.</summary>
    internal static BitmapDirectory Parse(ReadOnlySpan<byte> extension) => extension.Length < ExtensionBytes
        ? default
        : new(
            BinaryPrimitives.ReadUInt32BigEndian(extension),
            BinaryPrimitives.ReadUInt64BigEndian(extension.Slice(16)),
            BinaryPrimitives.ReadUInt64BigEndian(extension.Slice(8)));

    /// <summary>The names of the first bitmaps, and how many more there are.</summary>
    internal List<string> ReadNames(BlockStorage storage)
    {
        var names = new List<string>();
        if (Count > 0 && Length <= MostBytes && Offset <= long.MaxValue - MostBytes)
        {
            byte[] directory = new byte[(int)Length];
            int read = storage.Read((long)Offset, directory);
            ReadNames(directory.AsSpan(0, read), names);
        }

        if (Count > names.Count)
            names.Add((Count - names.Count).ToString(CultureInfo.InvariantCulture) + (names.Count == 0 ? " of them" : " more"));
        return names;
    }

    private void ReadNames(ReadOnlySpan<byte> directory, List<string> names)
    {
        while (names.Count < Math.Min(Count, MostNames) && directory.Length >= EntryBytes)
        {
            int nameLength = BinaryPrimitives.ReadUInt16BigEndian(directory.Slice(18));
            uint extraLength = BinaryPrimitives.ReadUInt32BigEndian(directory.Slice(20));
            if (extraLength > MostBytes || EntryBytes + extraLength + nameLength > directory.Length)
                return;
            names.Add(StoredText.ReadLoosely(directory.Slice(EntryBytes + (int)extraLength, nameLength)));
            int length = (EntryBytes + (int)extraLength + nameLength + Alignment - 1) & -Alignment;
            directory = directory.Slice(Math.Min(length, directory.Length));
        }
    }
}
