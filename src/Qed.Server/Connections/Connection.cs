using System;
using System.IO;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading;
using Qed.Server.Exports;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>One client, from its first byte to its last. Whatever it sends, it harms nobody but itself.</summary>
internal sealed class Connection
{
    private readonly Socket _socket;
    private readonly Offer _offer;
    private readonly ClientLog _log;
    private readonly TimeSpan _handshakeTimeout;
    private Conversation? _conversation;
    private int _isStopping;

    internal Connection(Socket socket, Offer offer, ClientLog log, TimeSpan handshakeTimeout)
    {
        _socket = socket;
        _offer = offer;
        _log = log;
        _handshakeTimeout = handshakeTimeout;
    }

    /// <summary>What it has asked for.</summary>
    internal TrafficCounters Traffic { get; } = new();

    /// <summary>Serves the client until it leaves or is cut off; throws nothing that it could be the cause of.</summary>
    internal void Run()
    {
        _log.Connected();
        try
        {
            if (_socket.AddressFamily != AddressFamily.Unix)
                _socket.NoDelay = true;
            using var transport = new Transport(new WatchfulStream(_socket));
            var conversation = new Conversation(transport, _offer, _log, Traffic, HangUp);
            Volatile.Write(ref _conversation, conversation);
            conversation.Run(_handshakeTimeout);
        }
        catch (ProtocolException error)
        {
            if (Volatile.Read(ref _isStopping) == 0)
                _log.CutOff(error.Message);
        }
        catch (AuthenticationException error)
        {
            _log.CutOff(error.Message.TrimEnd('.'));
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            _log.ConnectionFailed(error.Message);
        }
        catch (Exception fault)
        {
            // One client is lost; all others have their disks.
            _log.Fault(fault);
        }
        finally
        {
            Close();
            _log.Left(Traffic.Requests);
        }
    }

    /// <summary>Lets nothing more in. What has come whole is done and answered, and then the connection ends.</summary>
    internal void StopReceiving()
    {
        Volatile.Write(ref _isStopping, 1);
        TryShutdown(SocketShutdown.Receive);
    }

    /// <summary>Ends the connection at once.</summary>
    internal void Close()
    {
        HangUp();
        Volatile.Read(ref _conversation)?.Break();
        _socket.Dispose();
    }

    private void HangUp() => TryShutdown(SocketShutdown.Both);

    private void TryShutdown(SocketShutdown how)
    {
        try
        {
            _socket.Shutdown(how);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is gone already.
        }
    }
}
