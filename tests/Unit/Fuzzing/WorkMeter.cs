using System;
using System.Threading;

namespace Qed.Tests.Fuzzing;

/// <summary>
/// Counts what an operation reads and writes. One that is long, as that of a disk of terabytes may be, is cancelled, and one that
/// goes on all the same has failed: work is bounded by counts, so that a slow machine finds what a fast one finds.
/// </summary>
internal sealed class WorkMeter : IDisposable
{
    private const long LongRequests = 4_000;
    private const long LongBytes = 24 << 20;
    // What is under way when it is told to stop, by each of a few threads.
    private const int Patience = 8;

    private readonly object _lock = new();
    private CancellationTokenSource _stop = new();
    private long _requests;
    private long _bytes;
    private string? _excess;

    internal CancellationToken Stop => _stop.Token;

    /// <summary>Requests of all operations so far.</summary>
    internal long AllRequests { get; private set; }

    internal void Begin()
    {
        lock (_lock)
        {
            (_requests, _bytes) = (0, 0);
            if (!_stop.IsCancellationRequested)
                return;
            _stop.Dispose();
            _stop = new CancellationTokenSource();
        }
    }

    internal void Spend(int bytes)
    {
        bool isLong;
        lock (_lock)
        {
            AllRequests++;
            _requests++;
            _bytes += bytes;
            isLong = _requests > LongRequests || _bytes > LongBytes;
            if (_requests > Patience * LongRequests || _bytes > Patience * LongBytes)
                throw new FuzzFailure(_excess = $"it has an end: {_requests} requests of {_bytes} bytes were made, most of them after it was cancelled");
        }

        if (isLong)
            _stop.Cancel();
    }

    /// <summary>Throws where somebody has caught what <see cref="Spend"/> threw.</summary>
    internal void RequireBounded()
    {
        if (_excess is not null)
            throw new FuzzFailure(_excess);
    }

    public void Dispose() => _stop.Dispose();
}
