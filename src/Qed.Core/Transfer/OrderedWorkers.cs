using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using Qed.Storage;

namespace Qed.Transfer;

/// <summary>
/// A few threads that take ranges from one plan. Each has one buffer a disk, so memory is bounded by the number of
/// workers; what must happen in the plan's order is done in turns.
/// </summary>
internal sealed class OrderedWorkers : IDisposable
{
    private readonly IEnumerator<WorkPiece> _plan;
    private readonly int _buffersEach;
    private readonly CancellationToken _cancellation;
    private readonly int _count;
    private readonly object _planLock = new();
    private readonly object _turnLock = new();
    private long _nextTicket;
    private long _turn;
    private ExceptionDispatchInfo? _error;

    /// <param name="plan">The ranges, enumerated by one worker at a time.</param>
    /// <param name="buffersEach">How many buffers, each as long as its range, a worker needs.</param>
    /// <param name="cancellation">Honoured between ranges.</param>
    /// <param name="oneAtATime">Whether no range may be begun before the one ahead of it is done.</param>
    internal OrderedWorkers(IEnumerable<WorkPiece> plan, int buffersEach, CancellationToken cancellation, bool oneAtATime = false)
    {
        _count = oneAtATime ? 1 : Workers.UsualCount;
        _plan = plan.GetEnumerator();
        _buffersEach = buffersEach;
        _cancellation = cancellation;
    }

    internal delegate void Work(WorkPiece range, AlignedBuffer[] buffers, long ticket);

    private bool HasFailed => Volatile.Read(ref _error) is not null;

    /// <summary>Handles every range and returns when all are done; the first error stops the others and is thrown.</summary>
    internal void Run(Work work)
    {
        Workers.Run(_count, "Qed transfer", _ => Loop(work));
        _error?.Throw();
        _cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Does something in the order of the plan: waits until every range before this one has had its turn.</summary>
    internal void InTurn(long ticket, Action action)
    {
        lock (_turnLock)
        {
            while (_turn != ticket && !HasFailed)
                Monitor.Wait(_turnLock);
            if (HasFailed)
                throw new OperationCanceledException();
            action();
            _turn++;
            Monitor.PulseAll(_turnLock);
        }
    }

    public void Dispose() => _plan.Dispose();

    private void Loop(Work work)
    {
        var buffers = new AlignedBuffer[_buffersEach];
        try
        {
            for (int i = 0; i < buffers.Length; i++)
                buffers[i] = new AlignedBuffer();
            while (!HasFailed && TakeNext(out WorkPiece range, out long ticket))
                work(range, buffers, ticket);
        }
        catch (Exception error)
        {
            Fail(error);
        }
        finally
        {
            foreach (AlignedBuffer? buffer in buffers)
                buffer?.Dispose();
        }
    }

    private bool TakeNext(out WorkPiece range, out long ticket)
    {
        lock (_planLock)
        {
            _cancellation.ThrowIfCancellationRequested();
            ticket = _nextTicket;
            range = default;
            if (!_plan.MoveNext())
                return false;
            _nextTicket++;
            range = _plan.Current;
            return true;
        }
    }

    private void Fail(Exception error)
    {
        lock (_turnLock)
        {
            // Workers that were woken by the first failure report only that they were.
            if (_error is null)
                Volatile.Write(ref _error, ExceptionDispatchInfo.Capture(error));
            Monitor.PulseAll(_turnLock);
        }
    }
}
