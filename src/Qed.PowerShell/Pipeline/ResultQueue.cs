using System;
using System.Collections.Generic;
using System.Management.Automation;

namespace Qed.PowerShell.Pipeline;

/// <summary>
/// What waits to be written by the pipeline thread. An item that has begun to write results, the links of a chain say,
/// is not interrupted by others: they wait until it has written its last. Callers hold the pump's lock.
/// </summary>
internal sealed class ResultQueue
{
    /// <summary>How many results of an item may wait; a map can have millions, and the pipeline be slow.</summary>
    private const int MostWaiting = 4096;

    private readonly Queue<Action<Cmdlet>> _ready = new();
    private readonly Queue<WorkItem> _held = new();
    private WorkItem? _writing;

    /// <summary>Whether what was full has room again for a good while.</summary>
    internal bool HasDrained => _ready.Count == MostWaiting / 2;

    /// <summary>Whether an item has to wait before it adds another result.</summary>
    internal bool IsFullFor(WorkItem item) => (_writing is null || _writing == item ? _ready.Count : item.Held.Count) >= MostWaiting;

    /// <summary>Adds what belongs to no item's results.</summary>
    internal void Add(Action<Cmdlet> record) => _ready.Enqueue(record);

    /// <summary>Adds a result or an error of an item.</summary>
    internal void Add(WorkItem item, Action<Cmdlet> record)
    {
        if (_writing is null || _writing == item)
        {
            _writing = item;
            _ready.Enqueue(record);
            return;
        }

        if (item.Held.Count == 0)
            _held.Enqueue(item);
        item.Held.Enqueue(record);
    }

    /// <summary>Lets the others write once an item is done.</summary>
    internal void Complete(WorkItem item)
    {
        item.IsComplete = true;
        if (_writing != item)
            return;
        _writing = null;
        while (_writing is null && _held.Count > 0)
        {
            WorkItem next = _held.Dequeue();
            while (next.Held.Count > 0)
                _ready.Enqueue(next.Held.Dequeue());
            if (!next.IsComplete)
                _writing = next;
        }
    }

    internal Action<Cmdlet>? TakeNext() => _ready.Count > 0 ? _ready.Dequeue() : null;
}
