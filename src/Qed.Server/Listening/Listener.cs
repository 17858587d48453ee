using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;

namespace Qed.Server.Listening;

/// <summary>A socket that clients connect to. The file of a Unix socket goes with it, for which the runtime sees.</summary>
internal sealed class Listener : IDisposable
{
    // Those who find all places taken wait here.
    private const int Backlog = 128;

    // Who finds the system out of descriptors or of memory asks again.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private volatile bool _isClosed;

    private Listener(Socket socket, NbdAddress address)
    {
        _socket = socket;
        Address = address;
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    internal NbdAddress Address { get; }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="DiskImageException">ImageInUse where somebody else listens there; AccessDenied; UnsupportedFeature.</exception>
    internal static Listener Start(NbdAddress address)
    {
        if (address.Descriptor is { } descriptor)
            return TakeOver(descriptor);
        Socket? socket = null;
        try
        {
            if (address.Path is not null)
                UnixSocketFile.Prepare(address.Path);
            EndPoint endPoint = address.Path is null ? new IPEndPoint(address.Host!, address.Port) : UnixSocketFile.EndPointOf(address.Path);
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, address.Path is null ? ProtocolType.Tcp : ProtocolType.Unspecified);
            socket.Bind(endPoint);
            socket.Listen(Backlog);
            return new Listener(socket, NbdAddress.Of(socket.LocalEndPoint!));
        }
        catch (SocketException error)
        {
            socket?.Dispose();
            throw Translate(error, address);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    /// <summary>Waits for a client.</summary>
    /// <param name="failed">Told why there is none yet, where the system lets nobody in; it is asked again, while those who come wait.</param>
    /// <returns>Null once the listener is closed.</returns>
    internal Socket? Accept(Action<string> failed)
    {
        while (true)
        {
            try
            {
                return _socket.Accept();
            }
            catch (Exception error) when (_isClosed && error is SocketException or ObjectDisposedException)
            {
                return null;
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionAborted or SocketError.ConnectionReset)
            {
                // It left while it waited.
            }
            catch (SocketException error)
            {
                failed(error.Message);
                Thread.Sleep(Pause);
            }
        }
    }

    /// <summary>Stops listening; a thread that waits for a client gets none.</summary>
    public void Dispose()
    {
        _isClosed = true;
        _socket.Dispose();
    }

    private static Listener TakeOver(int descriptor)
    {
#if NET
        // Whoever listened first keeps its file.
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        return new Listener(socket, NbdAddress.Of(socket.LocalEndPoint!));
#else
        throw new DiskImageException(ErrorKind.UnsupportedFeature, "Windows PowerShell takes over no sockets");
#endif
    }

    // "Address already in use" is what scripts look for, to take the next port.
    private static DiskImageException Translate(SocketException error, NbdAddress address) => error.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => new DiskImageException(ErrorKind.ImageInUse, $"Address already in use: somebody else listens at {address}", address.Path, error),
        SocketError.AccessDenied => new DiskImageException(ErrorKind.AccessDenied, $"the system does not let this user listen at {address}", address.Path, error),
        SocketError.AddressNotAvailable => new DiskImageException(ErrorKind.AccessDenied, $"{address.Host} is no address of this machine", null, error),
        _ => new DiskImageException(ErrorKind.AccessDenied, $"listening at {address} failed: {error.Message}", address.Path, error),
    };
}
