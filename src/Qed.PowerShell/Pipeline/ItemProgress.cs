using System;
using System.Diagnostics;
using System.IO;
using System.Management.Automation;

namespace Qed.PowerShell.Pipeline;

/// <summary>One worker's progress bar: workers report to it, the pipeline thread shows its latest state.</summary>
internal sealed class ItemProgress : IProgress<OperationProgress>
{
    /// <summary>
    /// How long a bar stays as it is. The engine reports no more often, for its own sake; but a report may wait here, and the
    /// next one come right behind it.
    /// </summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    // Apart from the small numbers that scripts give their own bars.
    private const int FirstActivityId = 0x514544;

    private readonly object _lock = new();
    private readonly int _activityId;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private string _name = string.Empty;
    private OperationProgress _latest;
    private TimeSpan _lastReport;
    private TimeSpan _activityStart;
    private TimeSpan _nextShow;
    private bool _hasNews;
    private bool _isShown;
    private bool _isComplete;

    /// <param name="worker">Number of the worker whose items are shown.</param>
    internal ItemProgress(int worker) => _activityId = FirstActivityId + worker;

    /// <inheritdoc/>
    public void Report(OperationProgress value)
    {
        lock (_lock)
        {
            if (_latest.Activity is not null && value.Activity != _latest.Activity)
                _activityStart = _lastReport;
            _lastReport = _clock.Elapsed;
            _latest = value;
            _hasNews = true;
        }
    }

    /// <summary>Starts over for the worker's next item.</summary>
    internal void Begin(string target)
    {
        lock (_lock)
        {
            _name = Path.GetFileName(target);
            _latest = default;
            _hasNews = false;
            _isComplete = false;
            _activityStart = _clock.Elapsed;
        }
    }

    internal void Complete()
    {
        lock (_lock)
            _isComplete = true;
    }

    /// <summary>What the host should show now; null for no change.</summary>
    internal ProgressRecord? NextRecord()
    {
        lock (_lock)
        {
            if (_isComplete && _isShown)
            {
                _isShown = false;
                return new ProgressRecord(_activityId, $"{_latest.Activity} {_name}", "Done") { RecordType = ProgressRecordType.Completed };
            }

            if (_isComplete || !_hasNews || _clock.Elapsed < _nextShow)
                return null;
            _hasNews = false;
            _isShown = true;
            _nextShow = _clock.Elapsed + Interval;
            return Describe();
        }
    }

    private ProgressRecord Describe()
    {
        double seconds = Math.Max(0.001, (_lastReport - _activityStart).TotalSeconds);
        double rate = _latest.Done / seconds;
        string total = _latest.Total <= 0 ? string.Empty : " of " + ByteSize.Format((ulong)_latest.Total);
        string status = $"{ByteSize.Format((ulong)_latest.Done)}{total}, {ByteSize.Format((ulong)rate)}/s";
        var record = new ProgressRecord(_activityId, $"{_latest.Activity} {_name}", status);
        if (_latest.Total > 0)
        {
            record.PercentComplete = (int)(Math.Min(_latest.Done, _latest.Total) * 100.0 / _latest.Total);
            if (rate > 0)
                record.SecondsRemaining = (int)Math.Min(int.MaxValue, (_latest.Total - _latest.Done) / rate);
        }

        return record;
    }
}
