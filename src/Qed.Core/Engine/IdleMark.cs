using System;
using System.Threading;

namespace Qed.Engine;

/// <summary>
/// Takes the NEED_CHECK mark back when nothing was allocated or dropped for some seconds, so that an image that lies idle when
/// its process is killed needs no check.
/// </summary>
internal sealed class IdleMark : IDisposable
{
    /// <summary>How often it looks; after the second look without a change it acts.</summary>
    internal static readonly TimeSpan Period = TimeSpan.FromSeconds(3);

    private readonly object _lock = new();
    private readonly BackgroundWork _background;
    private readonly Action _settle;
    private IDisposable? _ticker;
    private bool _isOver;
    private int _changes;
    private int _seen;

    /// <param name="background">Looks again and again.</param>
    /// <param name="settle">Makes everything durable and takes the mark back.</param>
    internal IdleMark(BackgroundWork background, Action settle)
    {
        _background = background;
        _settle = settle;
    }

    /// <summary>Notes that the mark is needed from here on: for some seconds at least it stays.</summary>
    internal void NoteChange()
    {
        Volatile.Write(ref _changes, _changes + 1);
        if (Volatile.Read(ref _ticker) is not null)
            return;
        lock (_lock)
        {
            if (!_isOver)
                _ticker ??= _background.Every(Period, Look);
        }
    }

    public void Dispose()
    {
        IDisposable? ticker;
        lock (_lock)
        {
            _isOver = true;
            ticker = _ticker;
        }

        ticker?.Dispose();
    }

    private void Look()
    {
        int changes = Volatile.Read(ref _changes);
        if (changes != _seen)
        {
            _seen = changes;
            return;
        }

        // The clock stands still until there is something to take back again.
        lock (_lock)
        {
            if (_isOver)
                return;
            _ticker?.Dispose();
            _ticker = null;
        }

        _settle();
    }
}
