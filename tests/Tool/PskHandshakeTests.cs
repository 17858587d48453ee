using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Org.BouncyCastle.Tls;
using Qed.Server;
using Qed.Tests.Support;
using Qed.Tool.PreSharedKeys;
using Xunit;

namespace Qed.Tests.Tool;

/// <summary>TLS with pre-shared keys on one connection, with a client that does what GnuTLS's do not.</summary>
public sealed class PskHandshakeTests
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_name_that_is_not_known_and_a_wrong_key_fail_alike(bool isOld)
    {
        Assert.Null((await Shake("alice", Key, isOld)).Client);
        var failures = new List<(short?, string?)>();
        foreach (string user in new[] { "alice", "mallory", "Alice", "alice\0", "a" })
        {
            (IOException? client, Exception? server) = await Shake(user, new byte[32], isOld);
            failures.Add(((client as TlsFatalAlertReceived)?.AlertDescription, Assert.IsType<AuthenticationException>(server).Message));
        }

        Assert.All(failures, failure => Assert.Equal(failures[0], failure));
        Assert.Equal(
            (isOld ? AlertDescription.bad_record_mac : AlertDescription.decrypt_error, "its name is not known, or it has another key"), failures[0]);
    }

    [Theory]
    [InlineData(CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256)]
    [InlineData(CipherSuite.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256)]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256)]
    [InlineData(CipherSuite.TLS_ECDHE_PSK_WITH_NULL_SHA256)]
    [InlineData(CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)]
    public async Task Ciphers_without_forward_secrecy_or_authentication_of_what_they_encrypt_are_refused(int suite)
    {
        (IOException? client, Exception? server) = await Shake("alice", Key, isOld: true, suite);
        Assert.Equal(AlertDescription.handshake_failure, Assert.IsType<TlsFatalAlertReceived>(client).AlertDescription);
        Assert.IsType<AuthenticationException>(server);
    }

    [Fact]
    public async Task One_thread_reads_while_another_one_writes_and_keys_are_renewed()
    {
        const int Blocks = 400;
        const int BlockSize = 50_000;
        (PskClient client, PskClient.Protocol protocol, Stream server) = await Connect();
        using (client)
        {
            await Task.WhenAll(
                Task.Run(() => Write(server, () => { })),
                Task.Run(() => Read(server)),
                Task.Run(() => Write(client.Stream, protocol.RenewKeys)),
                Task.Run(() => Read(client.Stream)));
        }

        static void Write(Stream stream, Action renew)
        {
            for (int i = 0; i < Blocks; i++)
            {
                if (i % 20 == 7)
                    renew();
                stream.Write(Patterns.Filled(BlockSize, (byte)i));
            }
        }

        static void Read(Stream stream)
        {
            byte[] block = new byte[BlockSize];
            for (int i = 0; i < Blocks; i++)
            {
                stream.ReadExactly(block);
                Assert.Equal(-1, block.AsSpan().IndexOfAnyExcept((byte)i));
            }
        }
    }

    /// <summary>The reading thread answers nonsense with an alert, and that in the midst of what the other thread writes.</summary>
    [Fact]
    public async Task An_alert_does_not_break_what_is_being_written()
    {
        for (int i = 0; i < 20; i++)
        {
            (PskClient client, PskClient.Protocol _, Stream server) = await Connect();
            using (client)
            {
                Task writing = Task.Run(() => Assert.ThrowsAny<IOException>(() => WriteForEver(server)));
                Task reading = Task.Run(() => Assert.ThrowsAny<IOException>(() => server.ReadByte()));
                byte[] bytes = new byte[100_000];
                client.Stream.ReadExactly(bytes);
                client.SendInTheOpen([23, 3, 3, 0, 20, .. new byte[20]]);
                // What the client cannot decrypt is an alert of its own.
                IOException end = Assert.ThrowsAny<IOException>(() => ReadForEver(client.Stream));
                Assert.IsNotType<TlsFatalAlert>(end);
                await Task.WhenAll(writing, reading);
            }
        }

        static void WriteForEver(Stream stream)
        {
            byte[] block = new byte[10_000];
            while (true)
                stream.Write(block);
        }

        static void ReadForEver(Stream stream)
        {
            byte[] block = new byte[10_000];
            while (stream.Read(block) > 0)
                Assert.Equal(-1, block.AsSpan().IndexOfAnyExcept((byte)0));
            throw new EndOfStreamException();
        }
    }

    [Fact]
    public void Whatever_comes_in_place_of_a_handshake_is_no_fault_of_the_program()
    {
        byte[][] hellos = [HelloOf(isOld: false), HelloOf(isOld: true)];
        for (int seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = Spoil(hellos[seed % 2], random);
            using var identities = Identities();
            Exception? error = Record.Exception(() => identities.Encrypt(new Recording(bytes)));
            Assert.True(error is AuthenticationException or IOException, $"seed {seed}: {error}");
        }
    }

    [Fact]
    public void Who_stops_within_the_handshake_is_cut_off_in_time_and_others_come_in()
    {
        using var folder = new TempFolder();
        Invocation.Ours("create -f qed {d}/disk.qed 1M", folder.Path);
        File.WriteAllText(folder["keys.psk"], $"alice:{Convert.ToHexString(Key)}\n");
        using var server = new NbdServer(
            [NbdExport.Open(new NbdExportOptions { Path = folder["disk.qed"] })],
            new NbdServerOptions
            {
                Address = NbdAddress.Tcp(IPAddress.Loopback, 0),
                IsPersistent = true,
                MaximumClients = 8,
                Tls = new PskTls(folder["keys.psk"]),
                HandshakeTimeout = TimeSpan.FromSeconds(2),
            });
        server.Start();
        var address = new IPEndPoint(IPAddress.Loopback, server.Address.Port);
        byte[] hello = HelloOf(isOld: false);
        var silent = new List<PskClient>();
        foreach (int length in new[] { 0, 3, 5, 60, hello.Length - 1, hello.Length })
        {
            silent.Add(PskClient.Connect(address));
            silent[^1].Send(hello[..length]);
        }

        using (PskClient other = PskClient.Connect(address))
        {
            other.Encrypt("alice", Key);
            Assert.Equal([string.Empty], other.ListExports());
        }

        // Each client's own limit, of a minute, would be an error that is not the server's doing.
        silent.ForEach(client => client.ReadToEnd());
        silent.ForEach(client => client.Dispose());
    }

    private static PskIdentities Identities() => new(new Dictionary<string, byte[]> { ["alice"] = (byte[])Key.Clone() });

    /// <summary>A handshake.</summary>
    /// <returns>What each side fails with.</returns>
    private static async Task<(IOException? Client, Exception? Server)> Shake(string user, byte[] key, bool isOld, params int[] suites)
    {
        (Stream near, Stream far) = Pair();
        using var identities = Identities();
        using var client = new PskClient(near);
        Task<Exception?> server = Task.Run(() => Record.Exception(() => identities.Encrypt(far)));
        var error = (IOException?)Record.Exception(() => client.Encrypt(user, key, isOld, suites));
        return (error, await server);
    }

    private static async Task<(PskClient Client, PskClient.Protocol Protocol, Stream Server)> Connect()
    {
        (Stream near, Stream far) = Pair();
        using var identities = Identities();
        var client = new PskClient(near);
        Task<Stream> server = Task.Run(() => identities.Encrypt(far));
        return (client, client.Encrypt("alice", Key), await server);
    }

    private static (Stream Near, Stream Far) Pair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(listener.LocalEndPoint!);
        return (new NetworkStream(near, ownsSocket: true), new NetworkStream(listener.Accept(), ownsSocket: true));
    }

    private static byte[] HelloOf(bool isOld)
    {
        using var stream = new Recording([]);
        using var client = new PskClient(stream);
        Record.Exception(() => client.Encrypt("alice", Key, isOld));
        return stream.Written;
    }

    private static byte[] Spoil(byte[] hello, Random random)
    {
        byte[] bytes = (byte[])hello.Clone();
        switch (random.Next(4))
        {
            case 0:
                bytes = new byte[random.Next(1, 600)];
                random.NextBytes(bytes);
                break;
            case 1:
                return bytes[..random.Next(bytes.Length)];
            case 2:
                // Behind the record's head, whose length stays true.
                random.NextBytes(bytes.AsSpan(random.Next(5, bytes.Length)));
                break;
            default:
                for (int i = random.Next(1, 6); i > 0; i--)
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                break;
        }

        return bytes;
    }

    /// <summary>A connection that brings these bytes and then its end, and keeps what is written.</summary>
    private sealed class Recording(byte[] bytes) : MemoryStream
    {
        private readonly MemoryStream _input = new(bytes);
        private readonly List<byte> _written = [];

        internal byte[] Written => [.. _written];

        public override int Read(byte[] buffer, int offset, int count) => _input.Read(buffer, offset, count);

        public override int Read(Span<byte> buffer) => _input.Read(buffer);

        public override void Write(byte[] buffer, int offset, int count) => _written.AddRange(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer) => _written.AddRange(buffer);
    }
}
