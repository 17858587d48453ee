using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Fuzzing;

/// <summary>The files of a seed with something wrong in them. They are borrowed, and right again once it is disposed of: most are long, and little of them changes.</summary>
internal sealed class Mutant : IDisposable
{
    private readonly Dictionary<string, BorrowedFile> _files;
    private readonly List<string> _changes = [];

    internal Mutant(FuzzSeed seed, long number)
    {
        Seed = seed;
        Number = number;
        _files = seed.Files.ToDictionary(file => file.Name, seed.Borrow);
    }

    internal FuzzSeed Seed { get; }

    internal long Number { get; }

    /// <summary>The image's own file.</summary>
    internal string Main => Seed.Files[0].Name;

    internal IEnumerable<string> Names => _files.Keys;

    /// <summary>Whether a name or a descriptor in it was changed.</summary>
    internal bool HasHostileText { get; set; }

    internal ReadOnlySpan<byte> this[string name] => _files[name].Contents;

    internal bool Has(string name) => _files.ContainsKey(name);

    /// <summary>The array that a file lies in, and its length there.</summary>
    internal (byte[] Bytes, int Length) Of(string name) => (_files[name].Bytes, _files[name].Length);

    /// <summary>A range of a file that is about to be changed.</summary>
    internal Span<byte> Change(string name, int offset, int length) => _files[name].Change(offset, length);

    /// <summary>Gives a file another length; what is added is zeroes.</summary>
    internal void SetLength(string name, int length) => _files[name].SetLength(length);

    /// <summary>Makes the checksums of a file right.</summary>
    internal void Seal(string name, Anatomy.FormatAnatomy anatomy) => _files[name].Seal(anatomy);

    /// <summary>Notes a change for whoever looks at a failure.</summary>
    internal void Note(string change) => _changes.Add(change);

    public override string ToString() => $"case {Number} ({Seed}): {string.Join("; ", _changes)}";

    public void Dispose()
    {
        foreach ((string name, BorrowedFile file) in _files)
            Seed.GiveBack(name, file);
        _files.Clear();
    }
}
