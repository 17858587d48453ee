using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Support;

/// <summary>
/// What a power failure may leave of a file. What was flushed is there. Of what was not, writes and punches are lost, early,
/// reordered or torn at sector grain, and the file has the length of any moment since: a cut may be there before what was
/// written ahead of it.
/// </summary>
/// <param name="durable">The file as it was flushed.</param>
/// <param name="pending">What was done since.</param>
internal sealed class CrashStates(MemoryStorage durable, IReadOnlyList<StorageChange> pending)
{
    private const int SectorSize = 512;

    // Of so few every choice is made; of more each alone, each left out, and samples.
    private const int MostExhaustive = 4;
    private const int MostOneByOne = 12;
    private const int Samples = 6;

    /// <summary>All of a few changes, and many of more.</summary>
    /// <param name="isNewOnly">Only those in which the last change is there, or a part of it.</param>
    /// <param name="random">Decides of samples.</param>
    internal IEnumerable<MemoryStorage> All(bool isNewOnly, Random random)
    {
        if (pending.Count == 0)
            return isNewOnly ? [] : [durable.Fork()];
        int[] lengths = [.. Enumerable.Range(0, pending.Count).Where(IsLength)];
        int[] data = [.. Enumerable.Range(0, pending.Count).Where(i => !IsLength(i))];
        bool isLengthNew = isNewOnly && IsLength(pending.Count - 1);
        int[] kept = isLengthNew ? [lengths.Length] : [.. Enumerable.Range(0, lengths.Length + 1)];
        bool[][] choices = [.. Choices(data.Length, random).Where(choice => !isNewOnly || isLengthNew || choice[^1])];
        return kept.SelectMany(count => choices.SelectMany(choice =>
        {
            int[] chosen = [.. data.Where((_, i) => choice[i])];
            return WaysOf(lengths[..count], chosen, random);
        }));
    }

    /// <summary>One of them, nearly whole or nearly untouched as often as anything between.</summary>
    internal MemoryStorage Any(Random random) => random.Next(3) switch
    {
        0 => durable.Fork(),
        1 => Make([.. Enumerable.Range(0, pending.Count).Where(IsLength)], [.. Enumerable.Range(0, pending.Count).Where(i => !IsLength(i))], null),
        _ => Sample(random),
    };

    /// <summary>One of them, by chance.</summary>
    internal MemoryStorage Sample(Random random)
    {
        // A file has one length: of its changes all up to one of them have reached the disk, whatever the data has done.
        int[] lengths = [.. Enumerable.Range(0, pending.Count).Where(IsLength)];
        lengths = lengths[..(random.Next(2) == 0 ? lengths.Length : random.Next(lengths.Length + 1))];
        int[] data = [.. Enumerable.Range(0, pending.Count).Where(i => !IsLength(i)).Where(_ => random.Next(3) > 0)];
        if (random.Next(2) == 0)
            random.Shuffle(data);
        return Make(lengths, data, random);
    }

    private static IEnumerable<bool[]> Choices(int count, Random random)
    {
        if (count <= MostExhaustive)
            return Enumerable.Range(0, 1 << count).Select(mask => Enumerable.Range(0, count).Select(i => (mask >> i & 1) != 0).ToArray());
        int first = Math.Max(0, count - MostOneByOne);
        IEnumerable<bool[]> ends = [new bool[count], [.. Enumerable.Repeat(true, count)]];
        IEnumerable<bool[]> each = Enumerable.Range(first, count - first).SelectMany(one => new[] { true, false }.Select(value =>
        {
            bool[] choice = [.. Enumerable.Repeat(!value, count)];
            choice[one] = value;
            return choice;
        }));
        return ends.Concat(each).Concat(Enumerable.Range(0, Samples).Select(_ => Enumerable.Range(0, count).Select(_ => random.Next(3) > 0).ToArray()));
    }

    private IEnumerable<MemoryStorage> WaysOf(int[] lengths, int[] data, Random random)
    {
        yield return Make(lengths, data, null);
        if (Array.Exists(data, IsTorn))
            yield return Make(lengths, data, random);
        if (data.Length > 1)
            yield return Make(lengths, [.. Enumerable.Reverse(data)], null);
    }

    private bool IsLength(int index) => pending[index].Kind == StorageChangeKind.SetLength;

    private bool IsTorn(int index) => pending[index].Length > SectorSize;

    private MemoryStorage Make(int[] lengths, int[] data, Random? tearing)
    {
        MemoryStorage storage = durable.Fork();
        foreach (int i in lengths)
            pending[i].ApplyTo(storage);
        foreach (int i in data)
        {
            // What was written ahead of a cut that is there is not there behind it.
            long end = long.MaxValue;
            foreach (int length in lengths)
                end = length > i ? Math.Min(end, pending[length].Offset) : end;
            StorageChange change = pending[i].Before(end);
            if (tearing is null || tearing.Next(3) == 0)
                change.ApplyTo(storage);
            else
                Tear(change, storage, tearing);
        }

        return storage;
    }

    private static void Tear(StorageChange change, MemoryStorage storage, Random random)
    {
        for (long from = 0; from < change.Length;)
        {
            long length = Math.Min(SectorSize - ((change.Offset + from) % SectorSize), change.Length - from);
            if (random.Next(2) == 0)
                change.Part(from, length).ApplyTo(storage);
            from += length;
        }
    }
}
