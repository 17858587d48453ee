using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Server;
using Qed.Server.Connections;
using Qed.Server.Exports;
using Qed.Server.Protocol;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>Clients that say anything, by the thousand and the same each time: no server minds, and all others go on.</summary>
public sealed class ProtocolFuzzTests
{
    private const int Size = 2 << 20;

    [Fact]
    public void Whatever_bytes_come_the_conversation_ends_and_the_image_stays_sound()
    {
        const int Conversations = 2500;
        using var disk = new ServedDisk(Size);
        disk.Server.Dispose();
        using (NbdExport export = NbdExport.Open(new NbdExportOptions { Path = disk.Image }))
        {
            var offer = new Offer([export], takesSeveral: true, tls: null);
            for (int seed = 0; seed < Conversations; seed++)
            {
                using var transport = new Transport(new ScriptedClient(FuzzedConversation.Make(seed, Size)));
                var log = new ClientLog(disk.Logger, seed);
                try
                {
                    new Conversation(transport, offer, log, new TrafficCounters(), () => { }).Run(TimeSpan.FromMinutes(1));
                }
                catch (ProtocolException)
                {
                    // It is cut off.
                }
            }
        }

        Assert.DoesNotContain(disk.Log, entry => entry.Level >= LogLevel.Error);
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = disk.Image }).Corruptions);
    }

    [Fact]
    public void Whatever_bytes_come_over_a_socket_the_client_is_answered_or_cut_off_and_nobody_else_notices()
    {
        const int Conversations = 300;
        using var disk = new ServedDisk(Size);
        disk.Server.Dispose();
        string kept = MakeKept(disk.Folder["kept.qed"], out byte[] bytes);
        using var server = new NbdServer(
            [NbdExport.Open(new NbdExportOptions { Path = disk.Image }), NbdExport.Open(new NbdExportOptions { Path = kept, Name = "kept" })],
            new NbdServerOptions { Address = NbdAddress.Unix(disk.Socket), MaximumClients = 64, IsPersistent = true },
            disk.Logger);
        server.Start();
        using var honest = new NbdClient(disk.Socket);
        honest.Go("kept");
        byte[] received = new byte[1 << 16];
        for (int seed = -Conversations; seed < 0; seed++)
        {
            Talk(disk.Socket, FuzzedConversation.Make(seed, Size), received, seed);
            if (seed % 50 == 0)
                Assert.True(honest.Read(0, bytes.Length).AsSpan().SequenceEqual(bytes), $"seed {seed}");
        }

        AwaitClients(server, 1);
        Assert.DoesNotContain(disk.Log, entry => entry.Text.Contains("fault of the program", StringComparison.Ordinal));
        server.Dispose();
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = disk.Image }).Corruptions);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void Whatever_fields_a_request_has_it_is_answered_once_and_by_the_rules(int seed, bool structured)
    {
        const int Batches = 400;
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        if (structured)
        {
            client.StructuredReplies();
            client.Contexts(string.Empty, "base:allocation");
        }

        client.Go();
        var random = new Random(seed);
        byte[] model = new byte[Size];
        for (int batch = 0; batch < Batches; batch++)
        {
            var open = new Dictionary<ulong, FuzzedRequest>();
            for (int requests = random.Next(1, 12); requests > 0; requests--)
            {
                FuzzedRequest request = FuzzedRequest.Make(random, Size, hasContexts: structured);
                // Those that change something come alone, so that the model knows their order.
                if (request.Changes && open.Count > 0)
                    break;
                open.Add(client.Request(request.Command, request.Offset, request.Length, request.Flags, request.Payload), request);
                if (request.Changes)
                    break;
            }

            while (open.Count > 0)
            {
                NbdReply reply = client.Reply(cookie => structured || open[cookie].Command != 0 ? 0 : (int)open[cookie].Length);
                Assert.True(open.Remove(reply.Cookie, out FuzzedRequest? request), $"seed {seed}, batch {batch}");
                Assert.True(request.IsAnsweredBy(reply, model), $"seed {seed}, batch {batch}: {request} with {reply.Error}");
            }
        }

        Assert.True(client.Read(0, Size).AsSpan().SequenceEqual(model), $"seed {seed}");
    }

    [Fact]
    public void Whatever_an_option_says_it_gets_one_answer_and_the_export_can_be_chosen_afterwards()
    {
        const int Clients = 60;
        using var disk = new ServedDisk(Size);
        for (int seed = 0; seed < Clients; seed++)
        {
            var random = new Random(seed);
            using NbdClient client = disk.Connect();
            for (int options = 0; options < 40; options++)
            {
                // All but those that end the negotiation.
                uint option = new uint[] { 3, 5, 6, 8, 9, 10, 4, 11, 0, uint.MaxValue }[random.Next(10)];
                byte[] noise = new byte[random.Next(4) == 0 ? random.Next(300) : random.Next(20)];
                random.NextBytes(noise);
                byte[] data = random.Next(3) switch
                {
                    0 => noise,
                    1 => [.. NbdClient.Text(string.Empty), .. noise],
                    _ => [.. NbdClient.Text(string.Empty), .. NbdClient.Number((uint)random.Next(4)), .. NbdClient.Text("base:allocation"), .. noise],
                };
                IReadOnlyList<(uint Kind, byte[] Data)> answers = client.Option(option, data);
                Assert.All(answers.SkipLast(1), answer => Assert.InRange(answer.Kind, 2u, 4u));
            }

            client.Go();
            Assert.Equal(0u, client.Ask(3, 0, 0));
        }

        AwaitClients(disk.Server, 0);
    }

    private static string MakeKept(string path, out byte[] bytes)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = Size });
        bytes = Patterns.Random(100_000, 5);
        using Qed.Images.WritableDiskImage image = OpenImage.ForWriting(path);
        image.Write(0, bytes);
        return path;
    }

    /// <summary>Says everything, and hears the server out.</summary>
    private static void Talk(string path, byte[] said, byte[] received, int seed)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        socket.ReceiveTimeout = 60_000;
        try
        {
            socket.Send(said);
            socket.Shutdown(SocketShutdown.Send);
            while (socket.Receive(received) > 0)
            {
                // Nothing of it matters here but that it ends.
            }
        }
        catch (SocketException error)
        {
            Assert.True(error.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown, $"seed {seed}: {error.SocketErrorCode}");
        }
    }

    private static void AwaitClients(NbdServer server, int count)
    {
        var patience = Stopwatch.StartNew();
        while (server.Traffic.Clients != count && patience.Elapsed < TimeSpan.FromMinutes(1))
            Thread.Sleep(1);
        Assert.Equal(count, server.Traffic.Clients);
    }
}
