using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Support;

/// <summary>
/// Every change made to a storage, so that the file can be rebuilt as a power failure at any moment might leave it:
/// what was flushed is there; what was not is lost, reordered or torn at sector grain.
/// </summary>
internal sealed class CrashLog
{
    private const int SectorSize = 512;

    private readonly byte[] _start;
    private readonly List<StorageChange> _changes = [];

    internal CrashLog(MemoryStorage storage)
    {
        _start = storage.ToArray();
        storage.BeforeChange = change =>
        {
            lock (_changes)
                _changes.Add(change);
        };
    }

    internal int Count => _changes.Count;

    /// <summary>The file after a crash just before the change at an index.</summary>
    internal byte[] CrashAt(int index, Random random)
    {
        int lastFlush = _changes.FindLastIndex(Math.Max(0, index - 1), change => change.Kind == StorageChangeKind.Flush);
        if (index == 0)
            lastFlush = -1;
        var file = new MemoryStorage(_start);
        foreach (StorageChange change in _changes.Take(lastFlush + 1))
            Apply(file, change);
        StorageChange[] pending = _changes.Skip(lastFlush + 1).Take(index - lastFlush - 1).Where(_ => random.Next(3) > 0).ToArray();
        if (random.Next(2) == 0)
            random.Shuffle(pending);
        foreach (StorageChange change in pending)
            ApplyTorn(file, change, random);
        return file.ToArray();
    }

    private static void Apply(MemoryStorage file, StorageChange change)
    {
        if (change.Kind == StorageChangeKind.Write)
            file.Write(change.Offset, change.Bytes);
        else if (change.Kind == StorageChangeKind.SetLength)
            file.SetLength(change.Offset);
    }

    private static void ApplyTorn(MemoryStorage file, StorageChange change, Random random)
    {
        if (change.Kind != StorageChangeKind.Write || random.Next(2) == 0)
        {
            // A shortening that comes late must not cut what a later lengthening made room for.
            if (change.Kind != StorageChangeKind.SetLength || change.Offset > file.Length)
                Apply(file, change);
            return;
        }

        for (int from = 0; from < change.Bytes.Length;)
        {
            int toSectorEnd = (int)(SectorSize - ((change.Offset + from) % SectorSize));
            int length = Math.Min(toSectorEnd, change.Bytes.Length - from);
            if (random.Next(2) == 0)
                file.Write(change.Offset + from, change.Bytes.AsSpan(from, length));
            from += length;
        }
    }
}
