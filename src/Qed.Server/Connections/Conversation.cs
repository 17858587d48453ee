using System;
using System.Threading;
using Qed.Server.Exports;

namespace Qed.Server.Connections;

/// <summary>What one client and the server say to each other: first what the client wants to use, then its requests.</summary>
internal sealed class Conversation
{
    private readonly Transport _transport;
    private readonly Offer _offer;
    private readonly ClientLog _log;
    private readonly TrafficCounters _traffic;
    private readonly ReplySender _sender;

    /// <param name="transport">How it comes and goes.</param>
    /// <param name="offer">What the client can ask for.</param>
    /// <param name="log">Hears of it.</param>
    /// <param name="traffic">Counts it.</param>
    /// <param name="hangUp">Ends the connection.</param>
    internal Conversation(Transport transport, Offer offer, ClientLog log, TrafficCounters traffic, Action hangUp)
    {
        _transport = transport;
        _offer = offer;
        _log = log;
        _traffic = traffic;
        _sender = new ReplySender(transport, hangUp);
    }

    /// <summary>Serves the client until it leaves.</summary>
    /// <param name="handshakeTimeout">How long it may take to say what it wants to use.</param>
    /// <exception cref="Protocol.ProtocolException">It said what no client may.</exception>
    /// <exception cref="System.IO.IOException">The connection failed.</exception>
    internal void Run(TimeSpan handshakeTimeout)
    {
        var input = new RequestInput(_transport);
        var negotiation = new Negotiation(_transport, input, _sender, _offer);
        ExportAccess? export;
        // A client that says a byte now and then would stay for ever otherwise.
        using (new Timer(_ => Break(), null, handshakeTimeout, Timeout.InfiniteTimeSpan))
            export = negotiation.Run();
        if (export is null)
            return;
        _log.Attached(export.Export.Name);
        var execution = new RequestExecution(export, negotiation.IsStructured, negotiation.Contexts, _log);
        try
        {
            new RequestLoop(input, _sender, execution, _log, _traffic).Run();
        }
        finally
        {
            // Nobody promised that what was not flushed stays; but who leaves without a word has often meant to.
            execution.FlushWhatWaits();
        }
    }

    /// <summary>Ends it at once: what was asked for and not begun is not done any more.</summary>
    internal void Break() => _sender.Break();
}
