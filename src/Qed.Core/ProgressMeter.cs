using System;
using System.Diagnostics;
using System.Threading;

namespace Qed;

/// <summary>Gives the meter of a stage of the work.</summary>
/// <param name="activity">What is being done, as a participle.</param>
/// <param name="total">Bytes in all; zero while unknown.</param>
internal delegate ProgressMeter StageMeter(string activity, long total);

/// <summary>Counts how far parallel work has come and reports it a few times a second, never backwards.</summary>
internal sealed class ProgressMeter
{
    private static readonly long Interval = Stopwatch.Frequency / 4;

    private readonly Action<long, long>? _report;
    private readonly object _lock = new();
    private long _total;
    private long _reached;
    private long _nextReport;

    /// <param name="total">Units in all; zero while unknown.</param>
    /// <param name="report">Called with the units done and those in all; null where nobody wants to know.</param>
    internal ProgressMeter(long total, Action<long, long>? report)
    {
        _total = total;
        _report = report;
        _nextReport = Stopwatch.GetTimestamp() + Interval;
    }

    /// <summary>A meter that reports to nobody.</summary>
    internal static ProgressMeter Silent { get; } = new(0, null);

    /// <summary>Silent meters for each stage.</summary>
    internal static StageMeter NoStages { get; } = (_, _) => Silent;

    /// <summary>Says how many units there are in all, once that is known.</summary>
    internal void Expect(long total)
    {
        if (_report is not null)
            Volatile.Write(ref _total, total);
    }

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
            _report(_reached, Volatile.Read(ref _total));
        }
    }
}
