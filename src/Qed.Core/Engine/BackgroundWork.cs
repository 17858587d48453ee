using System;
using System.Threading;

namespace Qed.Engine;

/// <summary>How an open image does what no request waits for. Tests do it at once, or when they say so.</summary>
internal class BackgroundWork
{
    /// <summary>On threads of its own, and by the clock.</summary>
    internal static BackgroundWork OnThreads { get; } = new();

    /// <summary>Starts work that may take long; it throws nothing.</summary>
    internal virtual void Start(Action work) => new Thread(() => work()) { IsBackground = true, Name = "Qed background work" }.Start();

    /// <summary>Does short work again and again until it is disposed, which waits for one that is under way; it throws nothing.</summary>
    internal virtual IDisposable Every(TimeSpan period, Action work) => new Ticker(period, work);

    private sealed class Ticker : IDisposable
    {
        private readonly Timer _timer;
        private readonly Action _work;
        private readonly object _lock = new();
        private bool _isOver;

        internal Ticker(TimeSpan period, Action work)
        {
            _work = work;
            _timer = new Timer(_ => Tick(), null, period, period);
        }

        public void Dispose()
        {
            lock (_lock)
                _isOver = true;
            _timer.Dispose();
        }

        private void Tick()
        {
            // One that takes longer than the period is not begun twice.
            if (!Monitor.TryEnter(_lock))
                return;
            try
            {
                if (!_isOver)
                    _work();
            }
            finally
            {
                Monitor.Exit(_lock);
            }
        }
    }
}
