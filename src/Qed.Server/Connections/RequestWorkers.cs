using System;
using System.Buffers;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>
/// Threads of one connection that do what would hold up the requests behind it. They begin when there is work, and a client
/// that reads no replies stops only its own.
/// </summary>
/// <param name="execution">Does the requests.</param>
/// <param name="sender">Where replies go.</param>
/// <param name="log">Hears of what must not happen.</param>
internal sealed class RequestWorkers(RequestExecution execution, ReplySender sender, ClientLog log)
{
    private const int MostThreads = 16;

    /// <summary>Requests that wait or are worked on, at most.</summary>
    private const int MostRequests = 256;

    /// <summary>Bytes that they and their replies take, at most; a single one may be larger by itself.</summary>
    private const long MostBytes = 64 << 20;

    private readonly object _gate = new();
    private readonly Queue<Item> _waiting = new();
    private readonly List<Thread> _threads = [];
    private int _idle;
    private int _unfinished;
    private long _bytes;
    private bool _isFull;
    private bool _isEnding;

    /// <summary>Hands a request over; waits while there are too many.</summary>
    /// <param name="request">The request.</param>
    /// <param name="payload">What it brought along, in a buffer of the shared pool that is given back; null for nothing.</param>
    /// <param name="pace">Learns how long it took; null where that is no question.</param>
    internal void Add(in RequestHeader request, byte[]? payload, Pace? pace)
    {
        long bytes = request.Command is NbdCommand.Read or NbdCommand.Write ? request.Length : 0;
        lock (_gate)
        {
            while (_unfinished == MostRequests || (_unfinished > 0 && _bytes + bytes > MostBytes))
            {
                _isFull = true;
                Monitor.Wait(_gate);
            }

            _isFull = false;
            _unfinished++;
            _bytes += bytes;
            _waiting.Enqueue(new Item(request, payload, pace, bytes));
            if (_idle >= _waiting.Count)
                Monitor.Pulse(_gate);
            else if (_threads.Count < MostThreads)
                StartThread();
        }
    }

    /// <summary>Returns once all that was handed over is done, its replies are sent and the threads have ended.</summary>
    internal void End()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
            thread.Join();
    }

    private void StartThread()
    {
        var thread = new Thread(Work) { IsBackground = true, Name = "Qed NBD requests" };
        thread.Start();
        // Where the system starts none there is none to wait for.
        _threads.Add(thread);
    }

    private void Work()
    {
        using var replies = new ReplyBuffer(sender, ReplyBuffer.CapacityFor(RequestInput.Capacity));
        while (TryTake(out Item item))
        {
            try
            {
                if (!sender.IsBroken)
                    Run(item, replies);
            }
            catch (Exception fault)
            {
                // A client that is not answered must not wait for ever.
                log.Fault(fault);
                sender.Break();
            }
            finally
            {
                Finish(item);
            }
        }
    }

    private void Run(Item item, ReplyBuffer usual)
    {
        bool isLarge = item.Request.Command == NbdCommand.Read && item.Request.Length > usual.MaximumData;
        using ReplyBuffer? own = isLarge ? new ReplyBuffer(sender, ReplyBuffer.CapacityFor((int)item.Request.Length)) : null;
        ReplyBuffer replies = own ?? usual;
        long start = Stopwatch.GetTimestamp();
        execution.Run(item.Request, item.Payload.AsSpan(0, item.Payload is null ? 0 : (int)item.Request.Length), replies);
        item.Pace?.Finished(start, item.Request.Length);
        replies.Send();
    }

    private bool TryTake(out Item item)
    {
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                if (_isEnding)
                {
                    item = default;
                    return false;
                }

                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }

            item = _waiting.Dequeue();
            return true;
        }
    }

    private void Finish(Item item)
    {
        if (item.Payload is not null)
            ArrayPool<byte>.Shared.Return(item.Payload);
        lock (_gate)
        {
            _unfinished--;
            _bytes -= item.Bytes;
            if (_isFull)
                Monitor.PulseAll(_gate);
        }
    }

    private readonly record struct Item(RequestHeader Request, byte[]? Payload, Pace? Pace, long Bytes);
}
