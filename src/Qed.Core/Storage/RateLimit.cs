using System;
using System.Diagnostics;
using System.Threading;

namespace Qed.Storage;

/// <summary>Lets all threads together pass no more bytes in a second than were asked for.</summary>
/// <param name="bytesPerSecond">The limit, at least 1.</param>
/// <param name="cancellation">Ends the waiting.</param>
internal sealed class RateLimit(long bytesPerSecond, CancellationToken cancellation)
{
    // The system waits no longer than some weeks at once.
    private const double LongestWait = 3600;

    private readonly object _lock = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _nextFree;

    /// <summary>Waits until it is some bytes' turn.</summary>
    internal void Wait(int bytes)
    {
        double start;
        lock (_lock)
        {
            start = Math.Max(_clock.Elapsed.TotalSeconds, _nextFree);
            _nextFree = start + (bytes / (double)bytesPerSecond);
        }

        while (start - _clock.Elapsed.TotalSeconds is > 0 and var wait)
        {
            if (cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(Math.Min(wait, LongestWait))))
                cancellation.ThrowIfCancellationRequested();
        }
    }
}
