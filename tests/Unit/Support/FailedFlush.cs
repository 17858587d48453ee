namespace Qed.Tests.Support;

/// <summary>Storages that can be flushed so often and then never again, as a host file that has lost something once.</summary>
internal sealed class FailedFlush
{
    private readonly int _first;

    /// <param name="first">The flush that fails, counted from 1 over all storages; every later one fails too.</param>
    /// <param name="storages">The storages.</param>
    internal FailedFlush(int first, params MemoryStorage[] storages)
    {
        _first = first;
        foreach (MemoryStorage storage in storages)
            Plant(storage);
    }

    /// <summary>How often a flush was asked for.</summary>
    internal int Count { get; private set; }

    internal bool HasFailed => Count >= _first;

    /// <summary>Counts a storage's flushes too.</summary>
    internal void Plant(MemoryStorage storage) => storage.BeforeChange = change =>
    {
        if (change.Kind == StorageChangeKind.Flush && ++Count >= _first)
            throw new DiskImageException(ErrorKind.AccessDenied, "the device reported an I/O error", storage.Path);
    };
}
