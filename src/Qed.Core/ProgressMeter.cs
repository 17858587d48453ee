using System;
using System.Diagnostics;
using System.Threading;

namespace Qed;

/// <summary>
/// Counts how far parallel work has come and tells it, never backwards: four times a second at most, and nothing of what is
/// done sooner. Whoever is told need not slow it down once more.
/// </summary>
internal sealed class ProgressMeter
{
    private static readonly long Interval = Stopwatch.Frequency / 4;

    private readonly IProgress<OperationProgress>? _progress;
    private readonly string _activity;
    private readonly object _lock = new();
    private long _total;
    private long _reached;
    private long _nextReport;

    /// <param name="progress">Who wants to know; null for nobody.</param>
    /// <param name="activity">What is being done, as a participle.</param>
    /// <param name="total">Bytes in all; zero while unknown.</param>
    internal ProgressMeter(IProgress<OperationProgress>? progress, string activity, long total = 0)
    {
        _progress = progress;
        _activity = activity;
        _total = total;
        _nextReport = Stopwatch.GetTimestamp() + Interval;
    }

    /// <summary>A meter that reports to nobody.</summary>
    internal static ProgressMeter Silent { get; } = new(null, string.Empty);

    /// <summary>Says how many bytes there are in all, once that is known.</summary>
    internal void Expect(long total)
    {
        if (_progress is not null)
            Volatile.Write(ref _total, total);
    }

    internal void ReachedAtLeast(long value)
    {
        if (_progress is null || Stopwatch.GetTimestamp() < Volatile.Read(ref _nextReport))
            return;
        lock (_lock)
        {
            _reached = Math.Max(_reached, value);
            if (Stopwatch.GetTimestamp() < _nextReport)
                return;
            Volatile.Write(ref _nextReport, Stopwatch.GetTimestamp() + Interval);
            _progress.Report(new OperationProgress(_activity, _reached, Volatile.Read(ref _total)));
        }
    }
}
