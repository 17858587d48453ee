using System;
using System.Collections.Generic;
using System.Management.Automation;

namespace Qed.PowerShell.Pipeline;

/// <summary>
/// What waits to be written by the pipeline thread. One item writes at a time, so that the links of a chain, say, stay
/// together; the others stand in line behind it. Callers hold the pump's lock.
/// </summary>
/// <param name="keepsOrder">Whether items write in the order in which they came; else in that of their first results.</param>
internal sealed class ResultQueue(bool keepsOrder)
{
    /// <summary>How many results of an item may wait; a map can have millions, and the pipeline be slow.</summary>
    private const int MostWaiting = 4096;

    /// <summary>How many items may be done before the first of the line is; what they have to say is kept until then.</summary>
    private const int MostAhead = 4096;

    private readonly Queue<Action<Cmdlet>> _ready = new();
    private readonly Queue<WorkItem> _line = new();

    /// <summary>Whether what was full has room again for a good while.</summary>
    internal bool HasDrained => _ready.Count == MostWaiting / 2;

    /// <summary>Whether an item has to wait before it adds another result.</summary>
    internal bool IsFullFor(WorkItem item) => (_line.Count == 0 || IsFirst(item) ? _ready.Count : item.Held.Count) >= MostWaiting;

    /// <summary>Whether another item may be begun.</summary>
    /// <param name="waiting">How many have come and are not begun yet.</param>
    internal bool HasRoomForOneMore(int waiting) => !keepsOrder || _line.Count - waiting < MostAhead;

    /// <summary>Tells of an item that has come.</summary>
    internal void Expect(WorkItem item)
    {
        if (keepsOrder)
            Join(item);
    }

    /// <summary>Adds what belongs to no item's results.</summary>
    internal void Add(Action<Cmdlet> record) => _ready.Enqueue(record);

    /// <summary>Adds a result or an error of an item.</summary>
    internal void Add(WorkItem item, Action<Cmdlet> record)
    {
        if (!item.IsInLine)
            Join(item);
        (IsFirst(item) ? _ready : item.Held).Enqueue(record);
    }

    /// <summary>Lets the next ones write once an item is done.</summary>
    internal void Complete(WorkItem item)
    {
        item.IsComplete = true;
        while (_line.Count > 0 && _line.Peek().IsComplete)
        {
            _line.Dequeue();
            if (_line.Count == 0)
                return;
            WorkItem next = _line.Peek();
            while (next.Held.Count > 0)
                _ready.Enqueue(next.Held.Dequeue());
        }
    }

    internal Action<Cmdlet>? TakeNext() => _ready.Count > 0 ? _ready.Dequeue() : null;

    private bool IsFirst(WorkItem item) => _line.Count > 0 && _line.Peek() == item;

    private void Join(WorkItem item)
    {
        item.IsInLine = true;
        _line.Enqueue(item);
    }
}
