using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Qed.Tests.Support;

/// <summary>
/// Every change made to some storages, by however many threads, so that the files can be rebuilt as a power failure at any
/// moment might leave them: what was flushed is there, and of the rest what <see cref="CrashStates"/> makes of it. A crash is
/// best asked for after those that come before it.
/// </summary>
internal sealed class CrashLog
{
    private readonly MemoryStorage[] _starts;
    private readonly List<(int File, int Thread, StorageChange Change)> _changes = [];
    // What was said of what goes on, each before the change at an index.
    private readonly List<(int Index, int Thread, string What)> _notes = [];
    private Replay[] _replays = [];
    private int _replayed;

    internal CrashLog(params MemoryStorage[] storages)
    {
        // Told apart once, for all copies.
        Array.ForEach(storages, storage => _ = storage.Fingerprint);
        _starts = [.. storages.Select(storage => storage.Fork())];
        for (int i = 0; i < storages.Length; i++)
        {
            int file = i;
            storages[i].BeforeChange = change =>
            {
                lock (_changes)
                    _changes.Add((file, Environment.CurrentManagedThreadId, change));
            };
        }

        Rewind();
    }

    internal int Count
    {
        get
        {
            lock (_changes)
                return _changes.Count;
        }
    }

    /// <summary>Says what goes on between the changes, for who reads the log.</summary>
    internal void Note(string what)
    {
        lock (_changes)
            _notes.Add((_changes.Count, Environment.CurrentManagedThreadId, what));
    }

    /// <summary>Writes the files as they were at first, and all that was done and said since.</summary>
    internal void WriteTo(string folder)
    {
        WriteFiles(folder, "first", _starts);
        using var writer = new StreamWriter(Path.Combine(folder, "log.txt"));
        lock (_changes)
        {
            int note = 0;
            for (int i = 0; i <= _changes.Count; i++)
            {
                for (; note < _notes.Count && _notes[note].Index == i; note++)
                    writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"        thread {_notes[note].Thread,3}: {_notes[note].What}"));
                if (i < _changes.Count)
                    writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i,6}  thread {_changes[i].Thread,3}: file {_changes[i].File}: {_changes[i].Change.Describe()}"));
            }
        }
    }

    /// <summary>Writes files as they are at some time.</summary>
    internal static void WriteFiles(string folder, string name, MemoryStorage[] files)
    {
        for (int i = 0; i < files.Length; i++)
            File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{i}.img")), files[i].ToArray());
    }

    /// <summary>Each file after a crash just before the change at an index: another sample at each call.</summary>
    internal MemoryStorage[] CrashAt(int index, Random random)
    {
        MoveTo(index);
        return [.. _replays.Select(replay => replay.States.Sample(random))];
    }

    /// <summary>
    /// The files after crashes just before the change at an index: systematic ones, and samples. Of several files one goes
    /// through its states, and each of the others is in any.
    /// </summary>
    /// <param name="index">The change.</param>
    /// <param name="isNewOnly">Leaves out what crashes before the last change could leave as well.</param>
    /// <param name="random">Decides of samples.</param>
    internal IEnumerable<MemoryStorage[]> StatesAt(int index, bool isNewOnly, Random random)
    {
        MoveTo(index);
        for (int file = 0; file < _replays.Length; file++)
        {
            if (isNewOnly && (index == 0 || file != _changes[index - 1].File))
                continue;
            foreach (MemoryStorage state in _replays[file].States.All(isNewOnly, random))
                yield return [.. _replays.Select((replay, other) => other == file ? state : replay.States.Any(random))];
        }
    }

    private void MoveTo(int index)
    {
        if (index < _replayed)
            Rewind();
        for (; _replayed < index; _replayed++)
            _replays[_changes[_replayed].File].Do(_changes[_replayed].Change);
    }

    private void Rewind() => (_replays, _replayed) = ([.. _starts.Select(start => new Replay(start.Fork()))], 0);

    /// <summary>A file as far as the log was gone through.</summary>
    private sealed class Replay(MemoryStorage durable)
    {
        private readonly List<StorageChange> _pending = [];

        internal CrashStates States => new(durable, _pending);

        internal void Do(StorageChange change)
        {
            if (change.Kind != StorageChangeKind.Flush)
            {
                _pending.Add(change);
                return;
            }

            _pending.ForEach(each => each.ApplyTo(durable));
            _pending.Clear();
            // Once for all states that share it.
            _ = durable.Fingerprint;
        }
    }
}
