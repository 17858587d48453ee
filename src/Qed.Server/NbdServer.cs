using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Threading;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Server.Connections;
using Qed.Server.Exports;
using Qed.Server.Listening;

namespace Qed.Server;

/// <summary>
/// Serves disk images as live disks over NBD, the network block device protocol, as QEMU, libnbd, nbdkit and the Linux kernel
/// speak it: fixed newstyle negotiation, simple and structured replies, block status.
/// </summary>
public sealed class NbdServer : IDisposable
{
    // As many as nbdcopy opens, for one: where fewer are let in, a client that heard of several would wait for itself without end.
    private const int UsualConnections = 4;

    private readonly NbdExport[] _exports;
    private readonly Offer _offer;
    private readonly NbdServerOptions _options;
    private readonly ILogger _logger;
    private readonly object _gate = new();
    private readonly Dictionary<Connection, Thread> _connections = [];
    private Listener? _listener;
    private Thread? _acceptor;
    private ServerTraffic _past;
    private long _clients;
    private bool _isStopping;
    private bool _isShort;

    /// <summary>Prepares a server, which owns the exports from then on.</summary>
    /// <param name="exports">What it offers, each by its own name.</param>
    /// <param name="options">How it listens.</param>
    /// <param name="logger">Hears who comes and what fails.</param>
    /// <exception cref="ArgumentException">There is no export, or two have one name.</exception>
    /// <exception cref="DiskImageException">The certificates, or keys, cannot be read.</exception>
    public NbdServer(IEnumerable<NbdExport> exports, NbdServerOptions options, ILogger? logger = null)
    {
        _exports = exports?.ToArray() ?? throw new ArgumentNullException(nameof(exports));
        _options = options ?? throw new ArgumentNullException(nameof(options));
        _logger = logger ?? NullLogger.Instance;
        if (_exports.Length == 0)
            throw new ArgumentException("There is nothing to serve.", nameof(exports));
        if (_exports.Select(export => export.Name).Distinct(StringComparer.Ordinal).Count() < _exports.Length)
            throw new ArgumentException("Two exports have the same name.", nameof(exports));
        _offer = new Offer(_exports, takesSeveral: options.MaximumClients >= UsualConnections, options.Tls);
    }

    /// <summary>What it offers.</summary>
    public IReadOnlyList<NbdExport> Exports => _exports;

    /// <summary>Where it listens; with the port that the system chose once it was started.</summary>
    public NbdAddress Address => _listener?.Address ?? _options.Address;

    /// <summary>The URI by which clients reach the server, whatever they ask for then.</summary>
    public string ServerUri => Address.UriOf(isEncrypted: _options.Tls is not null);

    /// <summary>The URI by which clients reach an export.</summary>
    public string UriOf(NbdExport export)
        => Address.UriOf((export ?? throw new ArgumentNullException(nameof(export))).Name, isEncrypted: _options.Tls is not null);

    /// <summary>What it has done so far.</summary>
    public ServerTraffic Traffic
    {
        get
        {
            lock (_gate)
                return _connections.Keys.Aggregate(_past, (sum, connection) => Sum(sum, connection.Traffic)) with { Clients = _connections.Count };
        }
    }

    /// <summary>Begins to listen and returns.</summary>
    /// <exception cref="DiskImageException">ImageInUse where somebody else listens there; ImageExists, AccessDenied, UnsupportedFeature.</exception>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    public void Start()
    {
        if (_listener is not null || _isStopping)
            throw new InvalidOperationException("The server was started before.");
        _listener = Listener.Start(_options.Address);
        _acceptor = new Thread(AcceptClients) { IsBackground = true, Name = "Qed NBD server" };
        _acceptor.Start();
        foreach (NbdExport export in _exports)
            export.Begin();
        ServerLog.Listening(_logger, _exports.Length, Address.ToString());
    }

    /// <summary>Returns when the server has ended by itself, as one does that is not persistent, or when it is cancelled.</summary>
    public void Wait(CancellationToken cancellation = default)
    {
        using CancellationTokenRegistration wake = cancellation.Register(() =>
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        });
        lock (_gate)
        {
            while (!_isStopping && !cancellation.IsCancellationRequested)
                Monitor.Wait(_gate);
        }
    }

    /// <summary>
    /// Accepts nobody any more, lets what has come be done and answered, and ends all connections. What was answered is on
    /// stable storage once the server is disposed of.
    /// </summary>
    public void Stop()
    {
        Connection[] connections;
        Thread[] threads;
        lock (_gate)
        {
            BeginStopping();
            connections = [.. _connections.Keys];
            threads = [.. _connections.Values];
        }

        _acceptor?.Join();
        foreach (Connection connection in connections)
            connection.StopReceiving();
        // A client that takes no replies holds nobody up for longer.
        var patience = Stopwatch.StartNew();
        foreach (Thread thread in threads)
            thread.Join(Left(_options.DrainTimeout - patience.Elapsed));
        foreach (Connection connection in connections)
            connection.Close();
        foreach (Thread thread in threads)
            thread.Join();
    }

    /// <summary>Stops, and closes the images.</summary>
    /// <exception cref="DiskImageException">An image could not be closed: what was written last may be lost.</exception>
    public void Dispose()
    {
        Stop();
        _offer.Identity?.Dispose();
        ExceptionDispatchInfo? error = null;
        foreach (NbdExport export in _exports)
        {
            try
            {
                export.Dispose();
            }
            catch (Exception failure)
            {
                // The other disks are closed all the same.
                error ??= ExceptionDispatchInfo.Capture(failure);
            }
        }

        error?.Throw();
    }

    private void AcceptClients()
    {
        while (_listener!.Accept(TellWhyNobody) is { } socket)
        {
            lock (_gate)
            {
                if (_isStopping)
                {
                    socket.Dispose();
                    return;
                }

                Begin(socket);
                // Who comes now waits in the system's queue.
                while (_connections.Count >= _options.MaximumClients && !_isStopping)
                    Monitor.Wait(_gate);
            }
        }
    }

    private void Begin(Socket socket)
    {
        var connection = new Connection(socket, _offer, new ClientLog(_logger, ++_clients), _options.HandshakeTimeout);
        var thread = new Thread(() => Serve(connection)) { IsBackground = true, Name = "Qed NBD client" };
        _connections.Add(connection, thread);
        try
        {
            thread.Start();
            _isShort = false;
        }
        catch (OutOfMemoryException error)
        {
            // The system has no thread for it.
            _connections.Remove(connection);
            connection.Close();
            TellWhyNobody(error.Message);
        }
    }

    /// <summary>Says that nobody can be let in, once until somebody is.</summary>
    private void TellWhyNobody(string reason)
    {
        if (!_isShort)
            ServerLog.NobodyLetIn(_logger, reason);
        _isShort = true;
    }

    private void Serve(Connection connection)
    {
        connection.Run();
        lock (_gate)
        {
            _past = Sum(_past, connection.Traffic);
            _connections.Remove(connection);
            if (_connections.Count == 0 && !_options.IsPersistent)
                BeginStopping();
            Monitor.PulseAll(_gate);
        }
    }

    private void BeginStopping()
    {
        if (_isStopping)
            return;
        _isStopping = true;
        _listener?.Dispose();
        Monitor.PulseAll(_gate);
    }

    private static TimeSpan Left(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;

    private static ServerTraffic Sum(ServerTraffic sum, TrafficCounters more) => sum with
    {
        Requests = sum.Requests + more.Requests,
        ReadBytes = sum.ReadBytes + more.ReadBytes,
        WrittenBytes = sum.WrittenBytes + more.WrittenBytes,
    };
}
