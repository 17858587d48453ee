using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Formats;
using Qed.Tests.Fuzzing.Anatomy;

namespace Qed.Tests.Fuzzing;

/// <summary>
/// Makes the mutant of a number, always the same one. Every second number sets one field of one seed to one of its boundary values,
/// in an order in which any stretch of numbers has something of everything; the others mix changes at random.
/// </summary>
internal sealed class Mutator
{
    // Coprime to any count of fields that there will be.
    private const long Stride = 7_368_787;

    private readonly IReadOnlyList<FuzzSeed> _seeds;
    private readonly int _randomSeed;
    private readonly (FuzzSeed Seed, Field Field)[] _fields;

    internal Mutator(IReadOnlyList<FuzzSeed> seeds, int randomSeed)
    {
        _seeds = seeds;
        _randomSeed = randomSeed;
        _fields = [.. seeds.SelectMany(seed => seed.Fields.Select(field => (seed, field)))];
    }

    /// <summary>How many mutants it takes to give every field each of its boundary values.</summary>
    internal long Complete => 2L * _fields.Length * Boundaries.Count;

    internal Mutant Make(long number)
    {
        // Two numbers apart by a little make generators that begin alike, unless they are mixed.
        var random = new Random((int)((ulong)(number + 1) * 0x9e3779b97f4a7c15 >> 33) ^ _randomSeed);
        if (number % 2 == 0)
            return SetOneField(number, random);
        var mutant = new Mutant(_seeds[random.Next(_seeds.Count)], number);
        for (int i = 1 + random.Next(3); i > 0; i--)
            ChangeSomething(mutant, random);
        Seal(mutant, random);
        return mutant;
    }

    private Mutant SetOneField(long number, Random random)
    {
        long place = (long)((ulong)(number / 2) * Stride % (ulong)(_fields.Length * (long)Boundaries.Count));
        (FuzzSeed seed, Field field) = _fields[place / Boundaries.Count];
        var mutant = new Mutant(seed, number);
        Set(mutant, field, (int)(place % Boundaries.Count), random);
        Seal(mutant, random);
        return mutant;
    }

    private void ChangeSomething(Mutant mutant, Random random)
    {
        IReadOnlyList<Field> fields = mutant.Seed.Fields;
        int kind = random.Next(20);
        if (mutant.Seed.Texts.Count > 0 && random.Next(5) == 0)
            TextChanges.Apply(mutant, mutant.Seed.Texts[random.Next(mutant.Seed.Texts.Count)], random);
        else if (fields.Count > 0 && kind < 9)
            Set(mutant, fields[random.Next(fields.Count)], random.Next(Boundaries.Count), random);
        else if (fields.Count > 0 && kind < 12)
            CopyField(mutant, fields, random);
        else
            ChangeBytes(mutant, kind, random);
    }

    private static void Set(Mutant mutant, Field field, int boundary, Random random)
    {
        int length = mutant[field.File].Length;
        if (field.Offset + field.Size > length)
            return;
        ulong value = Boundaries.Value(boundary, field.Read(mutant[field.File]), field.Size, length, random);
        field.Write(mutant.Change(field.File, field.Offset, field.Size), value);
        mutant.Note($"{field.Name} of {field.File} at {field.Offset} = 0x{value:x}");
    }

    /// <summary>Two things that lead to one, or a field with what belongs into its neighbour.</summary>
    private static void CopyField(Mutant mutant, IReadOnlyList<Field> fields, Random random)
    {
        Field from = fields[random.Next(fields.Count)];
        Field to = fields[random.Next(fields.Count)];
        if (from.Offset + from.Size > mutant[from.File].Length || to.Offset + to.Size > mutant[to.File].Length)
            return;
        to.Write(mutant.Change(to.File, to.Offset, to.Size), from.Read(mutant[from.File]));
        mutant.Note($"{to.Name} of {to.File} at {to.Offset} = {from.Name}");
    }

    private void ChangeBytes(Mutant mutant, int kind, Random random)
    {
        string[] names = [.. mutant.Names];
        string name = names[random.Next(3) == 0 ? random.Next(names.Length) : 0];
        switch (kind)
        {
            case < 14:
                Noise(mutant, name, random);
                break;
            case 14:
                Cut(mutant, name, random);
                break;
            case 15:
                Lengthen(mutant, name, random);
                break;
            case 16 or 17:
                CopyStructure(mutant, name, random);
                break;
            default:
                Graft(mutant, name, random);
                break;
        }
    }

    private static void Noise(Mutant mutant, string name, Random random)
    {
        int all = mutant[name].Length;
        List<(int Offset, int Length)> structures = mutant.Seed.Found[name].Structures;
        for (int i = 1 + random.Next(8); i > 0 && all > 0; i--)
        {
            (int offset, int length) = structures.Count > 0 && random.Next(4) > 0 ? structures[random.Next(structures.Count)] : (0, all);
            int place = Math.Min(all - 1, offset + random.Next(Math.Max(1, length)));
            Span<byte> one = mutant.Change(name, place, 1);
            one[0] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(one[0] ^ (1 << random.Next(8)));
            mutant.Note($"byte {place} of {name} = 0x{one[0]:x}");
        }
    }

    private static void Cut(Mutant mutant, string name, Random random)
    {
        List<(int Offset, int Length)> structures = mutant.Seed.Found[name].Structures;
        int length = mutant[name].Length;
        int to = random.Next(4) switch
        {
            0 => length - 1 - random.Next(Math.Min(512, Math.Max(1, length))),
            1 => (length - random.Next(Math.Max(1, length))) / 512 * 512,
            2 when structures.Count > 0 => structures[random.Next(structures.Count)] is var one ? one.Offset + random.Next(one.Length + 1) : 0,
            _ => random.Next(length + 1),
        };
        mutant.SetLength(name, Math.Clamp(to, 0, length));
        mutant.Note($"{name} cut from {length} to {mutant[name].Length}");
    }

    private static void Lengthen(Mutant mutant, string name, Random random)
    {
        int old = mutant[name].Length;
        int more = random.Next(3) switch { 0 => 1 + random.Next(511), 1 => 512, _ => 4096 };
        mutant.SetLength(name, old + more);
        if (random.Next(2) == 0)
            random.NextBytes(mutant.Change(name, old, more));
        mutant.Note($"{name} longer by {more}");
    }

    private static void CopyStructure(Mutant mutant, string name, Random random)
    {
        List<(int Offset, int Length)> structures = mutant.Seed.Found[name].Structures;
        if (structures.Count == 0)
            return;
        (int from, int length) = structures[random.Next(structures.Count)];
        int to = structures[random.Next(structures.Count)].Offset;
        length = Math.Min(length, mutant[name].Length - Math.Max(from, to));
        if (length <= 0)
            return;
        mutant[name].Slice(from, length).CopyTo(mutant.Change(name, to, length));
        mutant.Note($"{length} bytes of {name} copied from {from} to {to}");
    }

    /// <summary>The header, or the end, of an image of another format or of another geometry.</summary>
    private void Graft(Mutant mutant, string name, Random random)
    {
        FuzzSeed other = _seeds[random.Next(_seeds.Count)];
        byte[] from = other.Files[0].Bytes;
        int all = mutant[name].Length;
        int length = Math.Min(random.Next(3) switch { 0 => 512, 1 => 1024, _ => 4096 }, Math.Min(from.Length, all));
        bool isEnd = random.Next(4) == 0;
        from.AsSpan(isEnd ? from.Length - length : 0, length).CopyTo(mutant.Change(name, isEnd ? all - length : 0, length));
        mutant.Note($"{(isEnd ? "last" : "first")} {length} bytes of {name} from ({other})");
    }

    /// <summary>What has checksums is only read where these are right; now and then they are not.</summary>
    private static void Seal(Mutant mutant, Random random)
    {
        if (random.Next(10) == 0)
            return;
        foreach (string name in mutant.Names)
        {
            ImageFormat format = FormatRegistry.ByExtension(name) ?? mutant.Seed.Format;
            if (FormatAnatomy.Of(format) is { } anatomy)
                mutant.Seal(name, anatomy);
        }
    }
}
