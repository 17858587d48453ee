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
    public ServerState State => new(_server.Traffic, _messages.Last());

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

    /// <summary>Returns when it is stopped, or when somebody has lost patience.</summary>
    internal void Wait(CancellationToken cancellation) => _server.Wait(cancellation);
}
