using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>What is found in one file of an image, while it is gone through.</summary>
/// <param name="file">Its name.</param>
/// <param name="bytes">What it holds.</param>
/// <param name="isBigEndian">Which byte of a number comes first.</param>
internal sealed class Findings(string file, byte[] bytes, bool isBigEndian)
{
    // Of a long table the first entries and the last ones stand for all.
    private const int MostEntries = 12;

    internal List<Field> Fields { get; } = [];

    internal List<TextRange> Texts { get; } = [];

    /// <summary>Where a structure starts and how long it is, to be mixed up with others.</summary>
    internal List<(int Offset, int Length)> Structures { get; } = [];

    internal byte[] Bytes => bytes;

    /// <summary>Adds the fields of a structure, each with its name, place in it, and size.</summary>
    internal void Structure(long offset, int length, params (string Name, int Place, int Size)[] fields)
    {
        if (offset < 0 || offset + length > bytes.Length)
            return;
        Structures.Add(((int)offset, length));
        foreach ((string name, int place, int size) in fields)
            Fields.Add(new Field(file, name, (int)offset + place, size, isBigEndian));
    }

    /// <summary>Adds entries of a table.</summary>
    internal void Table(string name, long offset, long count, int size)
    {
        count = Math.Min(count, (bytes.Length - offset) / size);
        if (offset < 0 || count <= 0)
            return;
        Structures.Add(((int)offset, (int)Math.Min(count * size, 4096)));
        foreach (long index in Enumerable.Range(0, MostEntries).SelectMany(i => new[] { i, count - 1 - i }).Where(i => i >= 0 && i < count).Distinct().Order())
            Fields.Add(new Field(file, $"{name} {index}", (int)(offset + (index * size)), size, isBigEndian));
    }

    internal void Text(long offset, long length, TextKind kind)
    {
        if (offset >= 0 && length > 0 && offset + length <= bytes.Length)
            Texts.Add(new TextRange(file, (int)offset, (int)length, kind));
    }

    /// <summary>A number, as this file stores them.</summary>
    internal long At(long offset, int size)
        => offset < 0 || offset + size > bytes.Length ? 0 : (long)new Field(file, string.Empty, (int)offset, size, isBigEndian).Read(bytes);
}
