using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;

namespace Qed.Tests.Tool;

/// <summary>A client with a pre-shared key that can do what GnuTLS's do not: stay idle, stop anywhere, offer little. For one thread.</summary>
internal sealed class PskClient : IDisposable
{
    private const ulong OptionMagic = 0x49484156454F5054;
    private const uint StartTls = 5;
    private const uint List = 3;
    private const uint Acknowledgement = 1;

    private readonly Stream _connection;
    private Stream _stream;

    internal PskClient(Stream connection)
    {
        _connection = connection;
        _stream = connection;
    }

    /// <summary>What is said, encrypted once that was agreed on.</summary>
    internal Stream Stream => _stream;

    /// <summary>Connects to an NBD server and asks for TLS, which it does not begin.</summary>
    internal static PskClient Connect(EndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        socket.Connect(address);
        var client = new PskClient(new NetworkStream(socket, ownsSocket: true));
        client.Receive(18);
        client.Send([0, 0, 0, 3]);
        client.SendOption(StartTls);
        if (client.ReceiveAnswer().Kind != Acknowledgement)
            throw new InvalidDataException("The server has no TLS.");
        return client;
    }

    /// <summary>The handshake.</summary>
    /// <exception cref="IOException">It failed.</exception>
    internal Protocol Encrypt(string user, byte[] key, bool isOld = false, params int[] suites)
    {
        var protocol = new Protocol(_connection);
        protocol.Connect(new Peer(Encoding.UTF8.GetBytes(user), key, isOld, suites));
        _stream = protocol.Stream;
        return protocol;
    }

    internal string[] ListExports()
    {
        SendOption(List);
        var names = new List<string>();
        while (true)
        {
            (uint kind, byte[] data) = ReceiveAnswer();
            if (kind == Acknowledgement)
                return [.. names];
            // The text that describes it follows.
            names.Add(Encoding.UTF8.GetString(data.AsSpan(4, BinaryPrimitives.ReadInt32BigEndian(data))));
        }
    }

    internal void SendInTheOpen(byte[] bytes) => _connection.Write(bytes);

    internal void Send(byte[] bytes) => _stream.Write(bytes);

    internal byte[] Receive(int count)
    {
        byte[] bytes = new byte[count];
        _stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Waits until the server hangs up.</summary>
    /// <exception cref="IOException">It did not within a minute.</exception>
    internal void ReadToEnd()
    {
        try
        {
            while (_connection.ReadByte() >= 0)
            {
            }
        }
        catch (IOException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted })
        {
            // So are those cut off that have sent what nobody took.
        }
    }

    /// <summary>Leaves without a word.</summary>
    public void Dispose() => _connection.Dispose();

    private void SendOption(uint option)
    {
        byte[] head = new byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(head, OptionMagic);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(8), option);
        Send(head);
    }

    private (uint Kind, byte[] Data) ReceiveAnswer()
    {
        byte[] head = Receive(20);
        return (BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(12)), Receive(BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(16))));
    }

    internal sealed class Protocol(Stream connection) : TlsClientProtocol(connection)
    {
        /// <summary>Goes on with another key, and asks the server to do so, too; for the thread that writes.</summary>
        internal void RenewKeys() => Send13KeyUpdate(true);
    }

    private sealed class Peer(byte[] user, byte[] key, bool isOld, int[] suites) : AbstractTlsClient(new BcTlsCrypto())
    {
        private static readonly int[] Usual = [CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256];

        public override IList<TlsPskExternal> GetExternalPsks() => [new BasicTlsPskExternal(user, Crypto.CreateSecret((byte[])key.Clone()))];

        public override TlsPskIdentity GetPskIdentity() => new BasicTlsPskIdentity(user, key);

        public override TlsAuthentication GetAuthentication() => throw new TlsFatalAlert(AlertDescription.internal_error);

        protected override ProtocolVersion[] GetSupportedVersions() => (isOld ? ProtocolVersion.TLSv12 : ProtocolVersion.TLSv13).Only();

        protected override int[] GetSupportedCipherSuites() => suites.Length > 0 ? suites : Usual;
    }
}
