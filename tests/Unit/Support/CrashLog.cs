using System;
using System.Collections.Generic;
using System.Linq;

namespace Qed.Tests.Support;

/// <summary>
/// Every change made to some storages, by however many threads, so that the files can be rebuilt as a power failure at any
/// moment might leave them. What was flushed is there. Of what was not, writes and punches are lost, reordered or torn at
/// sector grain, and the file has the length of any moment since: a cut may be there before what was written ahead of it.
/// </summary>
internal sealed class CrashLog
{
    private const int SectorSize = 512;

    private readonly byte[][] _starts;
    private readonly List<(int File, StorageChange Change)> _changes = [];
    // What was durable at the last crash that was asked for: the next one mostly comes a little later.
    private readonly (MemoryStorage Storage, int Applied)[] _durable;

    internal CrashLog(params MemoryStorage[] storages)
    {
        _starts = [.. storages.Select(storage => storage.ToArray())];
        _durable = [.. _starts.Select(start => (new MemoryStorage(start), 0))];
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

    internal int Count
    {
        get
        {
            lock (_changes)
                return _changes.Count;
        }
    }

    /// <summary>The first file after a crash just before the change at an index: another sample at each call.</summary>
    internal byte[] CrashAt(int index, Random random) => CrashAt(0, index, random);

    /// <summary>Each file after a crash just before the change at an index: another sample at each call.</summary>
    internal byte[][] CrashAllAt(int index, Random random) => [.. _starts.Select((_, file) => CrashAt(file, index, random))];

    private byte[] CrashAt(int file, int index, Random random)
    {
        List<StorageChange> changes = _changes.Take(index).Where(each => each.File == file).Select(each => each.Change).ToList();
        int flushed = changes.FindLastIndex(change => change.Kind == StorageChangeKind.Flush) + 1;
        MemoryStorage storage = MemoryStorage.Over(DurableAfter(file, changes, flushed));
        ApplyPending(storage, changes.Skip(flushed).ToArray(), random);
        return storage.ToArray();
    }

    private byte[] DurableAfter(int file, List<StorageChange> changes, int flushed)
    {
        (MemoryStorage storage, int applied) = _durable[file].Applied <= flushed ? _durable[file] : (new MemoryStorage(_starts[file]), 0);
        foreach (StorageChange change in changes.Take(flushed).Skip(applied))
            change.ApplyTo(storage);
        _durable[file] = (storage, flushed);
        return storage.ToArray();
    }

    private static void ApplyPending(MemoryStorage storage, StorageChange[] pending, Random random)
    {
        // A file has one length: of its changes all up to one of them have reached the disk, whatever the data has done.
        int[] lengths = Enumerable.Range(0, pending.Length).Where(i => pending[i].Kind == StorageChangeKind.SetLength).ToArray();
        int[] applied = lengths[..(random.Next(2) == 0 ? lengths.Length : random.Next(lengths.Length + 1))];
        foreach (int i in applied)
            storage.SetLength(pending[i].Offset);
        int[] writes = Enumerable.Range(0, pending.Length).Where(i => pending[i].Kind != StorageChangeKind.SetLength && random.Next(3) > 0).ToArray();
        if (random.Next(2) == 0)
            random.Shuffle(writes);
        foreach (int i in writes)
        {
            // What was written ahead of a cut that is there is not there behind it.
            long end = applied.Where(length => length > i).Select(length => pending[length].Offset).DefaultIfEmpty(long.MaxValue).Min();
            Apply(storage, pending[i].Before(end), random);
        }
    }

    private static void Apply(MemoryStorage storage, StorageChange change, Random random)
    {
        if (random.Next(2) == 0)
        {
            change.ApplyTo(storage);
            return;
        }

        for (long from = 0; from < change.Length;)
        {
            long length = Math.Min(SectorSize - ((change.Offset + from) % SectorSize), change.Length - from);
            if (random.Next(2) == 0)
                change.Part(from, length).ApplyTo(storage);
            from += length;
        }
    }
}
