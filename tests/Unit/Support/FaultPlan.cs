using System;
using System.IO;
using Qed.Storage;

namespace Qed.Tests.Support;

/// <summary>What a storage is asked for.</summary>
internal enum StorageCall
{
    Read,
    Write,
    Flush,
    Punch,
    SetLength,
}

/// <summary>
/// Lets calls to some storages fail as those of a host file do: the so-many-th of a kind, and as many after it as wanted. A write
/// that fails has been done in part, a hole is refused, and a file that failed to be flushed fails to be from then on.
/// </summary>
internal sealed class FaultPlan
{
    private readonly object _lock = new();
    private StorageCall _kind;
    private int _first;
    private int _times;
    private int _error;
    private int _count;
    private bool _isArmed;
    private bool _isFlushBroken;

    /// <summary>How many calls have failed.</summary>
    internal int Failures { get; private set; }

    /// <summary>What errors are to be called.</summary>
    internal ErrorKind Kind => _error == LinuxError.Enospc ? ErrorKind.NotEnoughSpace : ErrorKind.AccessDenied;

    /// <summary>Looks at a storage's calls; whoever looked at its changes before goes on doing so.</summary>
    internal void Watch(MemoryStorage storage)
    {
        Action<StorageChange>? others = storage.BeforeChange;
        storage.BeforeRead = () => Count(StorageCall.Read, storage.Path);
        storage.RefusesPunch = () => IsDue(StorageCall.Punch);
        storage.BeforeChange = change =>
        {
            StorageCall call = change.Kind switch
            {
                StorageChangeKind.Write => StorageCall.Write,
                StorageChangeKind.Flush => StorageCall.Flush,
                StorageChangeKind.SetLength => StorageCall.SetLength,
                _ => StorageCall.Punch,
            };
            if (call != StorageCall.Punch && IsDue(call))
                Fail(change, storage, others);
            others?.Invoke(change);
        };
    }

    /// <summary>From here on calls are counted.</summary>
    /// <param name="kind">Which ones fail.</param>
    /// <param name="first">The first one that does, counted from 1.</param>
    /// <param name="times">How many do.</param>
    /// <param name="error">The system's number of the error.</param>
    internal void Arm(StorageCall kind, int first, int times, int error)
    {
        lock (_lock)
            (_kind, _first, _times, _error, _count, Failures, _isArmed, _isFlushBroken) = (kind, first, times, error, 0, 0, true, false);
    }

    /// <summary>What was wrong is not any more; but a file that failed to be flushed has to be opened anew.</summary>
    internal void Disarm()
    {
        lock (_lock)
            _isArmed = false;
    }

    private bool IsDue(StorageCall call)
    {
        lock (_lock)
        {
            if (call == StorageCall.Flush && _isFlushBroken)
                return true;
            if (!_isArmed || call != _kind || ++_count < _first || _count >= _first + _times)
                return false;
            Failures++;
            _isFlushBroken |= call == StorageCall.Flush;
            return true;
        }
    }

    private void Count(StorageCall call, string path)
    {
        if (IsDue(call))
            throw StorageErrors.Translate(Error(), path);
    }

    private void Fail(StorageChange change, MemoryStorage storage, Action<StorageChange>? others)
    {
        if (change.Kind == StorageChangeKind.Flush)
            throw StorageErrors.FlushFailed(Error(), storage.Path);
        // Up to the end of a sector in its middle.
        long done = ((change.Offset + (change.Length / 2)) & -512) - change.Offset;
        if (change.Kind == StorageChangeKind.Write && done > 0)
        {
            StorageChange part = change.Part(0, done);
            others?.Invoke(part);
            storage.Put(part);
        }

        throw StorageErrors.Translate(Error(), storage.Path);
    }

    private IOException Error() => new(_error == LinuxError.Enospc ? "No space left on device" : "Input/output error", _error);
}
