using System;
using System.Linq;
using System.Threading;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>A server of this process.</summary>
internal sealed class SessionServer : IRunningServer
{
    private readonly NbdServer _server;
    private readonly ServerMessages _messages;
    private readonly object _gate = new();
    private bool _isStopped;

    /// <param name="server">The server, started, which this one owns.</param>
    /// <param name="description">What it is.</param>
    /// <param name="messages">What it has to say.</param>
    internal SessionServer(NbdServer server, ServerDescription description, ServerMessages messages)
    {
        _server = server;
        Description = description;
        _messages = messages;
    }

    /// <inheritdoc/>
    public ServerDescription Description { get; }

    /// <inheritdoc/>
    public ServerState State => new(_server.Traffic, LeftBytes, _messages.Last());

    /// <inheritdoc/>
    public bool IsRunning
    {
        get
        {
            lock (_gate)
                return !_isStopped;
        }
    }

    /// <inheritdoc/>
    public void Stop()
    {
        // Whoever comes second waits until the images are closed.
        lock (_gate)
        {
            if (_isStopped)
                return;
            try
            {
                _server.Dispose();
            }
            finally
            {
                _isStopped = true;
                SessionServers.Remove(this);
            }
        }
    }

    private long? LeftBytes
    {
        get
        {
            LiveCopyState[] states = _server.Exports.Select(export => export.LiveCopy).OfType<LiveCopyState>().ToArray();
            // What has been looked at to its end is still to be let go of.
            return states.Length == 0 ? null : states.Sum(state => state.IsComplete ? 0 : Math.Max(1, state.Total - state.Done));
        }
    }

    /// <summary>Returns when it is stopped, or when somebody has lost patience.</summary>
    internal void Wait(CancellationToken cancellation) => _server.Wait(cancellation);
}
