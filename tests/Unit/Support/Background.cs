using System;
using Qed.Engine;

namespace Qed.Tests.Support;

/// <summary>What an open image does in the background, done at once or when a test says so.</summary>
internal sealed class Background : BackgroundWork
{
    private Action? _periodic;

    /// <summary>Whether something waits for the clock.</summary>
    internal bool IsTicking => _periodic is not null;

    internal override void Start(Action work) => work();

    internal override IDisposable Every(TimeSpan period, Action work)
    {
        _periodic = work;
        return new Stop(this);
    }

    /// <summary>Lets the clock go on by a period.</summary>
    internal void Tick() => _periodic?.Invoke();

    private sealed class Stop(Background owner) : IDisposable
    {
        public void Dispose() => owner._periodic = null;
    }
}
