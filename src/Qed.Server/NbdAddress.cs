using System;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Qed.Storage;

namespace Qed.Server;

/// <summary>Where a server listens: a path of a Unix socket, or an address and a port of TCP.</summary>
public sealed record NbdAddress
{
    /// <summary>The port that IANA gave to NBD.</summary>
    public const int DefaultPort = 10809;

    // Where systemd's protocol begins to hand over.
    private const int FirstDescriptor = 3;

    private NbdAddress(string? path, IPAddress? host, int port)
    {
        Path = path;
        Host = host;
        Port = port;
    }

    /// <summary>The full path of the Unix socket; null where it is TCP.</summary>
    public string? Path { get; }

    /// <summary>The address; null where it is a Unix socket.</summary>
    public IPAddress? Host { get; }

    /// <summary>The port; 0 for one that the system chooses when the server starts.</summary>
    public int Port { get; }

    /// <summary>A Unix socket, which those may use who may write its file.</summary>
    /// <param name="path">Its path; some 100 bytes are the most that systems take.</param>
    public static NbdAddress Unix(string path) => new(System.IO.Path.GetFullPath(path), null, 0);

    /// <summary>An address of this machine. Whoever reaches it may use the exports.</summary>
    /// <param name="host">The address; null for this machine alone (127.0.0.1).</param>
    /// <param name="port">The port, 0 for any.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such port.</exception>
    public static NbdAddress Tcp(IPAddress? host = null, int port = DefaultPort)
        => port is >= 0 and <= ushort.MaxValue ? new(null, host ?? IPAddress.Loopback, port) : throw new ArgumentOutOfRangeException(nameof(port), port, "Ports end at 65535.");

    /// <summary>
    /// The socket that a service manager listens at and has handed over, with the first client waiting: sd_listen_fds(3). Null
    /// where there is none.
    /// </summary>
    /// <exception cref="DiskImageException">UnsupportedFeature: there are several.</exception>
    public static NbdAddress? FromServiceManager()
    {
        string? owner = Environment.GetEnvironmentVariable("LISTEN_PID");
        if (owner != HostPlatform.ProcessId.ToString(CultureInfo.InvariantCulture))
            return null;
        return Environment.GetEnvironmentVariable("LISTEN_FDS") == "1" ? new(null, null, 0) { Descriptor = FirstDescriptor }
            : throw new DiskImageException(ErrorKind.UnsupportedFeature, "the service manager has handed over several sockets, and one server listens at one");
    }

    /// <summary>The number of a socket that listens already; null where the server is to begin.</summary>
    internal int? Descriptor { get; private init; }

    /// <summary>What a socket is bound to.</summary>
    internal static NbdAddress Of(EndPoint endPoint) => endPoint is IPEndPoint internet ? Tcp(internet.Address, internet.Port) : Unix(endPoint.ToString()!);

    /// <summary>The URI by which clients reach an export, as QEMU, libnbd and nbdkit write it.</summary>
    /// <param name="export">The export's name.</param>
    /// <param name="isEncrypted">Whether it is reached within TLS.</param>
    public string UriOf(string export = "", bool isEncrypted = false)
    {
        string scheme = isEncrypted ? "nbds" : "nbd";
        string name = Uri.EscapeDataString(export);
        if (Descriptor is not null)
            return "the service manager's socket";
        if (Path is not null)
            return $"{scheme}+unix:///{name}?socket={Uri.EscapeDataString(Path).Replace("%2F", "/")}";
        string host = Host!.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Host}]" : Host.ToString();
        return $"{scheme}://{host}:{Port.ToString(CultureInfo.InvariantCulture)}/{name}";
    }

    /// <inheritdoc/>
    public override string ToString() => UriOf();
}
