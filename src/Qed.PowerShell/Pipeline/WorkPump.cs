using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Threading;

namespace Qed.PowerShell.Pipeline;

/// <summary>
/// Runs the work on images on a few threads and writes what comes of it on the pipeline's thread, the only one that may.
/// Threads start when there is work for them, so one image costs one thread and none is started under -WhatIf.
/// </summary>
/// <remarks>
/// Writing can throw at any moment: -ErrorAction Stop, Select-Object -First, Ctrl+C. Whoever owns the pump disposes of it
/// then, which cancels the workers and waits until they have let go of every file.
/// </remarks>
internal sealed class WorkPump : IDisposable
{
    private const int WaitingPerWorker = 16;

    private readonly object _gate = new();
    private readonly PSCmdlet _cmdlet;
    private readonly int _limit;
    private readonly Queue<WorkItem> _waiting = new();
    private readonly ResultQueue _results;
    private readonly List<Thread> _workers = [];
    private readonly List<ItemProgress> _progress = [];
    private readonly CancellationTokenSource _cancellation = new();
    private int _idle;
    private int _busy;
    private int _blocked;
    private int _cancelling;
    private bool _pipelineWaits;
    private bool _isClosed;
    private bool _isDisposed;

    /// <param name="cmdlet">Who writes; every member but <see cref="Cancel"/> and <see cref="Post(Action{Cmdlet})"/> is called on its thread.</param>
    /// <param name="limit">The most items that are worked on at a time.</param>
    /// <param name="keepsOrder">Whether results come in the order of the items, and not as soon as they are known.</param>
    internal WorkPump(PSCmdlet cmdlet, int limit, bool keepsOrder)
    {
        _cmdlet = cmdlet;
        _limit = limit;
        _results = new ResultQueue(keepsOrder);
    }

    private bool HasRoom => _waiting.Count < (long)_limit * WaitingPerWorker;

    private bool IsDone => _waiting.Count == 0 && _busy == 0;

    /// <summary>Hands an item to the workers and writes what is ready; waits only where too many items wait already.</summary>
    internal void Add(WorkItem item)
    {
        lock (_gate)
        {
            if (_isClosed)
                return;
            _waiting.Enqueue(item);
            _results.Expect(item);
            if (_waiting.Count <= _idle)
                WakeIdle();
            else if (_workers.Count < _limit)
                StartWorker();
        }

        WriteUntil(() => HasRoom);
    }

    /// <summary>Writes all that still comes, and returns when nothing more will.</summary>
    internal void Drain() => WriteUntil(() => IsDone);

    /// <summary>Tells the workers to give up, from any thread, and does not wait for them.</summary>
    internal void Cancel()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isClosed = true;
            _waiting.Clear();
            _cancelling++;
            Monitor.PulseAll(_gate);
        }

        // Outside the lock: what waits for the token may want it.
        _cancellation.Cancel();
        lock (_gate)
        {
            _cancelling--;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Cancels what is still running, waits for it to end and takes its progress bars away.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        Cancel();
        foreach (Thread worker in _workers)
            worker.Join();
        WriteProgress();
        lock (_gate)
        {
            // From now on nobody begins to cancel, and who has begun is waited for: Ctrl+C may come at the very end.
            _isDisposed = true;
            while (_cancelling > 0)
                Monitor.Wait(_gate);
        }

        _cancellation.Dispose();
    }

    /// <summary>Queues what is to be written whenever it comes.</summary>
    internal void Post(Action<Cmdlet> record)
    {
        lock (_gate)
        {
            _results.Add(record);
            WakePipeline();
        }
    }

    /// <summary>Queues a result or an error of an item; waits while the pipeline has too many of them to write already.</summary>
    internal void Post(WorkItem item, Action<Cmdlet> record)
    {
        lock (_gate)
        {
            while (!_isClosed && _results.IsFullFor(item))
            {
                _blocked++;
                Monitor.Wait(_gate);
                _blocked--;
            }

            _results.Add(item, record);
            WakePipeline();
        }
    }

    private void WriteUntil(Func<bool> isReached)
    {
        bool isFinished;
        do
        {
            Action<Cmdlet>? record = NextRecord(isReached, out isFinished);
            WriteProgress();
            record?.Invoke(_cmdlet);
        }
        while (!isFinished);
    }

    private Action<Cmdlet>? NextRecord(Func<bool> isReached, out bool isFinished)
    {
        lock (_gate)
        {
            Action<Cmdlet>? record = _results.TakeNext();
            if (record is null && !isReached())
            {
                _pipelineWaits = true;
                Monitor.Wait(_gate, ItemProgress.Interval);
                _pipelineWaits = false;
                record = _results.TakeNext();
            }

            if (_blocked > 0 && _results.HasDrained)
                Monitor.PulseAll(_gate);
            isFinished = record is null && isReached();
            return record;
        }
    }

    private void WriteProgress()
    {
        foreach (ItemProgress progress in _progress)
        {
            if (progress.NextRecord() is { } record)
                Show(record);
        }
    }

    private void Show(ProgressRecord record)
    {
        try
        {
            _cmdlet.WriteProgress(record);
        }
        catch (Exception error) when (error is PipelineStoppedException or InvalidOperationException)
        {
            // A pipeline that has ended takes no more records, but its host still does, and may show a bar to be taken away.
            if (record.RecordType == ProgressRecordType.Completed)
                _cmdlet.Host.UI.WriteProgress(0, record);
        }
    }

    private void StartWorker()
    {
        var progress = new ItemProgress(_workers.Count);
        _progress.Add(progress);
        var worker = new Thread(() => Work(progress)) { IsBackground = true, Name = "Qed worker" };
        _workers.Add(worker);
        worker.Start();
    }

    private void Work(ItemProgress progress)
    {
        while (TakeItem() is { } item)
        {
            item.Run(this, progress, _cancellation.Token);
            lock (_gate)
            {
                _results.Complete(item);
                _busy--;
                WakePipeline();
                // Those that wait for a place to write, or for the first of the line.
                if (_blocked > 0 || (_idle > 0 && _waiting.Count > 0))
                    Monitor.PulseAll(_gate);
            }
        }
    }

    private WorkItem? TakeItem()
    {
        lock (_gate)
        {
            while (!_isClosed && (_waiting.Count == 0 || !_results.HasRoomForOneMore(_waiting.Count)))
            {
                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }

            if (_isClosed)
                return null;
            _busy++;
            return _waiting.Dequeue();
        }
    }

    private void WakeIdle()
    {
        // A single pulse might reach a worker that waits to get rid of a result.
        if (_blocked > 0)
            Monitor.PulseAll(_gate);
        else
            Monitor.Pulse(_gate);
    }

    /// <summary>Idle workers wait on the same lock, and are not woken for nothing while the pipeline is busy itself.</summary>
    private void WakePipeline()
    {
        if (_pipelineWaits)
            Monitor.PulseAll(_gate);
    }
}
