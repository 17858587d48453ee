#if NET
using System;
#endif
using System.IO;
using System.Net;
using System.Net.Sockets;
using Qed.Storage;

namespace Qed.Server.Listening;

/// <summary>The file by which a Unix socket is known.</summary>
internal static class UnixSocketFile
{
    /// <summary>The end point of a path.</summary>
    /// <exception cref="DiskImageException">UnsupportedFeature: the path is too long, or this runtime has no such sockets.</exception>
    internal static EndPoint EndPointOf(string path)
    {
#if NET
        try
        {
            return new UnixDomainSocketEndPoint(path);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "the path is longer than the system allows for a socket", path, error);
        }
        catch (PlatformNotSupportedException error)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, "this system has no Unix sockets", path, error);
        }
#else
        throw new DiskImageException(ErrorKind.UnsupportedFeature, "Windows PowerShell has no Unix sockets: name a port", path);
#endif
    }

    /// <summary>Takes away the file of a server that was killed, and nothing else.</summary>
    /// <exception cref="DiskImageException">ImageExists: it is another file. ImageInUse: somebody listens there.</exception>
    internal static void Prepare(string path)
    {
        FileType type = FileTypes.Of(path);
        if (type == FileType.None)
            return;
        // Windows tells no socket from a file; but only a socket can be connected to, and an empty file is no loss.
        bool isSocket = type == FileType.Socket || (type == FileType.Regular && !HostPlatform.IsLinux && new FileInfo(path).Length == 0);
        if (!isSocket)
            throw new DiskImageException(ErrorKind.ImageExists, $"{type.Describe()} has the name that the socket is to have", path);
        EndPoint endPoint = EndPointOf(path);
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(endPoint);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException error)
        {
            throw new DiskImageException(ErrorKind.AccessDenied, $"the socket that is there cannot be looked at: {error.Message}", path, error);
        }

        throw new DiskImageException(ErrorKind.ImageInUse, "Address already in use: somebody else listens at this socket", path);
    }
}
