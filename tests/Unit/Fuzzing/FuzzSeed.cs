using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using Qed.Formats;
using Qed.Tests.Fuzzing.Anatomy;

namespace Qed.Tests.Fuzzing;

/// <summary>A sound image, with what it rests on and the further files that it needs, and where its structures lie.</summary>
internal sealed class FuzzSeed
{
    private readonly ConcurrentDictionary<string, ConcurrentBag<BorrowedFile>> _idle = [];

    /// <param name="name">What is special about it.</param>
    /// <param name="format">Its format.</param>
    /// <param name="files">Its files and those of what it rests on, its own one first.</param>
    internal FuzzSeed(string name, ImageFormat format, IEnumerable<(string Name, byte[] Bytes)> files)
    {
        Name = name;
        Format = format;
        Files = files.ToArray();
        Found = Files.ToDictionary(
            file => file.Name,
            file => (FormatAnatomy.Of(FormatRegistry.ByExtension(file.Name) ?? format) ?? new NoAnatomy()).Examine(file.Name, file.Bytes));
        Fields = [.. Found.Values.SelectMany(findings => findings.Fields)];
        Texts = [.. Found.Values.SelectMany(findings => findings.Texts)];
    }

    internal string Name { get; }

    internal ImageFormat Format { get; }

    internal IReadOnlyList<(string Name, byte[] Bytes)> Files { get; }

    internal IReadOnlyDictionary<string, Findings> Found { get; }

    internal IReadOnlyList<Field> Fields { get; }

    internal IReadOnlyList<TextRange> Texts { get; }

    /// <summary>A copy of one of the files, which is given back as it was.</summary>
    internal BorrowedFile Borrow((string Name, byte[] Bytes) file) => IdleOf(file.Name).TryTake(out BorrowedFile? idle) ? idle : new BorrowedFile(file.Bytes);

    internal void GiveBack(string name, BorrowedFile file)
    {
        file.PutRight();
        IdleOf(name).Add(file);
    }

    public override string ToString() => $"{Format.Name}, {Name}";

    private ConcurrentBag<BorrowedFile> IdleOf(string name) => _idle.GetOrAdd(name, _ => []);

    private sealed class NoAnatomy : FormatAnatomy
    {
        protected override void Find(Findings findings)
        {
        }
    }
}
