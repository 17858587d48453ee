using System;
using System.Linq;
using System.Threading.Tasks;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>Random work of many clients against a model, and clients that send nonsense beside one that does not.</summary>
public sealed class RandomRequestsTests
{
    private const int Clients = 4;
    private const int ShareBytes = 1 << 20;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Clients_that_work_at_once_find_what_they_wrote(int seed, bool overlay)
    {
        using var disk = new ServedDisk(Clients * ShareBytes);
        if (overlay)
        {
            using (NbdClient client = disk.Attach())
                client.Write(0, Patterns.Filled(Clients * ShareBytes, 0));
            disk.Server.Dispose();
            disk.Start(export: export => export with { OverlayPath = disk.Folder["over.qed"] });
        }

        byte[] model = new byte[Clients * ShareBytes];
        // Shares meet within clusters: neighbours change the same one.
        Parallel.For(0, Clients, share => Work(disk, model, share, (seed * 100) + share));
        using (NbdClient client = disk.Attach())
            Assert.True(client.Read(0, model.Length).AsSpan().SequenceEqual(model), $"seed {seed}");
        disk.Server.Dispose();
        string image = overlay ? disk.Folder["over.qed"] : disk.Image;
        Qemu.AssertSound(image, CheckImage.Run(new CheckImageOptions { Path = image }).FreeClusters);
    }

    [Fact]
    public void Nonsense_harms_nobody_else()
    {
        const int Rounds = 400;
        using var disk = new ServedDisk(Clients * ShareBytes);
        using NbdClient honest = disk.Attach();
        byte[] bytes = Patterns.Random(ShareBytes, 5);
        honest.Write(0, bytes);
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            using (NbdClient client = disk.Connect())
                SendNonsense(client, random);
            int offset = random.Next(ShareBytes - 100);
            Assert.True(honest.Read((ulong)offset, 100).AsSpan().SequenceEqual(bytes.AsSpan(offset, 100)), $"seed {seed}");
        }

        // Some of it was requests that are legal, by chance; whatever they wrote lies behind the honest client's share.
        Assert.DoesNotContain(disk.Log, entry => entry.Text.Contains("fault of the program", StringComparison.Ordinal));
        disk.Server.Dispose();
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = disk.Image }).Corruptions);
    }

    private static void Work(ServedDisk disk, byte[] model, int share, int seed)
    {
        const int Steps = 150;
        // Odd, so that shares end in the middle of clusters.
        int start = Math.Max(0, (share * ShareBytes) - 777);
        int end = share == Clients - 1 ? model.Length : ((share + 1) * ShareBytes) - 777;
        var random = new Random(seed);
        using NbdClient client = disk.Attach();
        for (int step = 0; step < Steps; step++)
        {
            int offset = random.Next(start, end);
            int length = random.Next(1, Math.Min(random.Next(2) == 0 ? 5000 : 200_000, end - offset) + 1);
            ushort fua = (ushort)(random.Next(8) == 0 ? 1 : 0);
            Span<byte> expected = model.AsSpan(offset, length);
            switch (random.Next(6))
            {
                case 0 or 1:
                    Assert.True(client.Read((ulong)offset, length).AsSpan().SequenceEqual(expected), $"seed {seed}, step {step}");
                    break;
                case 2 or 3:
                    byte[] bytes = Patterns.Random(length, step + 1);
                    bytes.CopyTo(expected);
                    Assert.Equal(0u, client.Write((ulong)offset, bytes, fua));
                    break;
                case 4:
                    expected.Clear();
                    Assert.Equal(0u, client.Ask(random.Next(2) == 0 ? (ushort)4 : (ushort)6, (ulong)offset, (uint)length, fua));
                    break;
                default:
                    Assert.Equal(0u, client.Ask(3, 0, 0));
                    break;
            }
        }
    }

    /// <summary>A conversation that begins well and goes wrong somewhere.</summary>
    private static void SendNonsense(NbdClient client, Random random)
    {
        byte[] Bytes(int most)
        {
            byte[] bytes = new byte[random.Next(most)];
            random.NextBytes(bytes);
            return bytes;
        }

        try
        {
            for (int options = random.Next(3); options > 0; options--)
            {
                byte[] data = random.Next(2) == 0 ? Bytes(60) : [.. NbdClient.Text("x"), .. Bytes(12)];
                client.Option((uint)random.Next(2, 12), data);
            }

            if (random.Next(4) == 0)
            {
                client.Send(Bytes(300));
                return;
            }

            client.Go();
            for (int requests = random.Next(6); requests > 0; requests--)
            {
                ushort command = (ushort)random.Next(0, 10);
                ulong offset = (ulong)random.NextInt64(ShareBytes, random.Next(2) == 0 ? Clients * ShareBytes : long.MaxValue);
                uint length = (uint)random.NextInt64(random.Next(2) == 0 ? 100_000 : uint.MaxValue);
                client.Request(command, offset, length, (ushort)random.Next(random.Next(2) == 0 ? 2 : 65536), command == 1 ? Bytes(2000) : null);
            }

            client.Send(Bytes(100));
        }
        catch (Exception error) when (error is System.IO.IOException or System.IO.InvalidDataException or System.Net.Sockets.SocketException)
        {
            // The server has had enough of it.
        }
    }
}
