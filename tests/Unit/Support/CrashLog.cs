using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Support;

/// <summary>
/// Every change made to some storages, so that the files can be rebuilt as a power failure at any moment might leave them:
/// what was flushed is there; what was not is lost, reordered or torn at sector grain.
/// </summary>
internal sealed class CrashLog
{
    private const int SectorSize = 512;

    private readonly byte[][] _starts;
    private readonly List<(int File, StorageChange Change)> _changes = [];

    internal CrashLog(params MemoryStorage[] storages)
    {
        _starts = [.. storages.Select(storage => storage.ToArray())];
        for (int i = 0; i < storages.Length; i++)
        {
            int file = i;
            storages[i].BeforeChange = change =>
            {
                lock (_changes)
                    _changes.Add((file, change));
            };
        }
    }

    internal int Count => _changes.Count;

    /// <summary>The first file after a crash just before the change at an index.</summary>
    internal byte[] CrashAt(int index, Random random) => CrashAt(0, index, random);

    /// <summary>Each file after a crash just before the change at an index.</summary>
    internal byte[][] CrashAllAt(int index, Random random) => [.. _starts.Select((_, file) => CrashAt(file, index, random))];

    private byte[] CrashAt(int file, int index, Random random)
    {
        List<StorageChange> changes = _changes.Take(index).Where(each => each.File == file).Select(each => each.Change).ToList();
        int flushed = changes.FindLastIndex(change => change.Kind == StorageChangeKind.Flush) + 1;
        var storage = new MemoryStorage(_starts[file]);
        foreach (StorageChange change in changes.Take(flushed))
            Apply(storage, change);
        StorageChange[] pending = changes.Skip(flushed).Where(_ => random.Next(3) > 0).ToArray();
        if (random.Next(2) == 0)
            random.Shuffle(pending);
        foreach (StorageChange change in pending)
            ApplyTorn(storage, change, random);
        return storage.ToArray();
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
