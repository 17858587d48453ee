using System;
using System.Diagnostics;
using System.Threading;

namespace Qed;

/// <summary>Counts how far parallel work has come and reports it a few times a second, never backwards.</summary>
internal sealed class ProgressMeter
{
    private static readonly long Interval = Stopwatch.Frequency / 4;

    private readonly Action<long>? _report;
    private readonly object _lock = new();
    private long _reached;
    private long _nextReport;

    /// <param name="report">Called with the units done; null where nobody wants to know.</param>
    internal ProgressMeter(Action<long>? report)
    {
        _report = report;
        _nextReport = Stopwatch.GetTimestamp() + Interval;
    }

    /// <summary>A meter that reports to nobody.</summary>
    internal static ProgressMeter Silent { get; } = new(null);

    internal void ReachedAtLeast(long value)
    {
        if (_report is null || Stopwatch.GetTimestamp() < Volatile.Read(ref _nextReport))
            return;
        lock (_lock)
        {
            _reached = Math.Max(_reached, value);
            if (Stopwatch.GetTimestamp() < _nextReport)
                return;
            Volatile.Write(ref _nextReport, Stopwatch.GetTimestamp() + Interval);
            _report(_reached);
        }
    }
}
