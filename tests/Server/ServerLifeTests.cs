using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Qed.Operations;
using Qed.Server;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>How a server begins, whom it lets in, and how it ends.</summary>
public sealed class ServerLifeTests
{
    private const long Size = 16 << 20;

    [Fact]
    public void It_ends_with_its_last_client_unless_it_is_persistent()
    {
        using var disk = new ServedDisk(Size, options => options with { IsPersistent = false });
        using (NbdClient client = disk.Attach())
            client.Write(0, [1, 2, 3]);
        disk.Server.Wait(TestContext.Current.CancellationToken);
        Assert.Throws<SocketException>(disk.Connect);
        Assert.False(File.Exists(disk.Socket));
        Assert.Equal(3, disk.Server.Traffic.WrittenBytes);
    }

    [Fact]
    public void What_was_answered_is_there_after_it_was_stopped_and_the_image_is_closed_cleanly()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        Assert.Equal(0u, client.Write(0, Patterns.Filled(100_000, 5)));
        disk.Server.Dispose();
        Assert.True(client.IsCutOff());
        ImageDescription image = DescribeImage.Run(new DescribeImageOptions { Path = disk.Image });
        Assert.False(image.NeedsCheck);
        using Qed.Images.DiskImage read = OpenImage.ForReading(disk.Image);
        byte[] bytes = new byte[100_000];
        read.Read(0, bytes);
        Assert.Equal(Patterns.Filled(100_000, 5), bytes);
    }

    /// <summary>Or nbdcopy, which has four, would wait for itself.</summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    public void Clients_are_told_that_they_may_have_several_connections_where_those_are_let_in(int places, bool mayHaveSeveral)
    {
        using var disk = new ServedDisk(Size, options => options with { MaximumClients = places });
        using NbdClient client = disk.Attach();
        Assert.Equal(mayHaveSeveral, (client.Flags & (1 << 8)) != 0);
    }

    [Fact]
    public async Task Who_comes_when_all_places_are_taken_waits_until_one_is_free()
    {
        using var disk = new ServedDisk(Size, options => options with { MaximumClients = 2 });
        NbdClient first = disk.Attach();
        using NbdClient second = disk.Attach();
        Task third = Task.Run(() =>
        {
            using NbdClient client = disk.Attach();
            client.Write(0, [3]);
        }, TestContext.Current.CancellationToken);
        Assert.Equal(2, disk.Server.Traffic.Clients);
        Assert.False(third.IsCompleted);
        first.Dispose();
        await third.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal([3], second.Read(0, 1));
    }

    [Fact]
    public void A_thousand_clients_that_say_nothing_keep_nobody_out()
    {
        using var disk = new ServedDisk(Size, options => options with { MaximumClients = 2000 });
        var idle = new List<NbdClient>();
        try
        {
            for (int i = 0; i < 1000; i++)
                idle.Add(disk.Connect());
            using NbdClient client = disk.Attach();
            client.Write(0, [1]);
            Assert.Equal([1], client.Read(0, 1));
            idle[999].StructuredReplies();
            idle[999].Go();
            Assert.Equal([1], idle[999].Read(0, 1));
            Assert.Equal(1001, disk.Server.Traffic.Clients);
        }
        finally
        {
            idle.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public void A_client_that_takes_no_replies_holds_up_neither_others_nor_the_end()
    {
        using var disk = new ServedDisk(Size, options => options with { DrainTimeout = TimeSpan.FromMilliseconds(10) });
        using NbdClient deaf = disk.Attach();
        using NbdClient client = disk.Attach();
        client.Write(0, Patterns.Random(1 << 20, 1));
        for (int i = 0; i < 100; i++)
            deaf.Request(0, 0, 1 << 20);
        Assert.Equal(Patterns.Random(1 << 20, 1), client.Read(0, 1 << 20));
        disk.Server.Stop();
        Assert.Equal(0, disk.Server.Traffic.Clients);
    }

    [Fact]
    public void What_was_asked_for_and_not_begun_does_not_hold_up_the_end()
    {
        using var disk = new ServedDisk(64L << 30, options => options with { DrainTimeout = TimeSpan.FromMilliseconds(10) });
        using NbdClient client = disk.Attach();
        // Zeroes that take all the space that they can.
        for (int i = 0; i < 60; i++)
            client.Request(6, (ulong)i << 30, 1 << 30, 2);
        disk.Server.Stop();
        Assert.InRange(new FileInfo(disk.Image).Length, 0, 16L << 30);
        Assert.Equal(0, disk.Server.Traffic.Clients);
    }

    [Fact]
    public void It_listens_on_a_port_that_the_system_chooses()
    {
        using var folder = new TempFolder();
        string image = folder["disk.qed"];
        CreateImage.Run(new CreateImageOptions { Path = image, Size = Size });
        using var server = new NbdServer([NbdExport.Open(new NbdExportOptions { Path = image })], new NbdServerOptions { Address = NbdAddress.Tcp(IPAddress.Loopback, 0), IsPersistent = true });
        server.Start();
        Assert.NotEqual(0, server.Address.Port);
        Qemu.IoOk(server.Address.UriOf(), "raw", ["write -P 1 0 1M", "read -P 1 0 1M"]);
        using var second = new NbdServer([NbdExport.Open(new NbdExportOptions { Path = MakeImage(folder["b.qed"]) })], new NbdServerOptions { Address = server.Address });
        Assert.Equal(ErrorKind.ImageInUse, Assert.Throws<DiskImageException>(second.Start).Kind);
    }

    [Fact]
    public void The_socket_of_a_server_that_was_killed_is_taken_over_and_nothing_else_is()
    {
        using var disk = new ServedDisk(Size);
        using var second = new NbdServer([NbdExport.Open(new NbdExportOptions { Path = MakeImage(disk.Folder["b.qed"]) })], new NbdServerOptions { Address = disk.Server.Address });
        Assert.Equal(ErrorKind.ImageInUse, Assert.Throws<DiskImageException>(second.Start).Kind);
        foreach (string name in new[] { "text", "empty" })
        {
            File.WriteAllText(disk.Folder[name], name == "text" ? "text" : string.Empty);
            using var other = new NbdServer([NbdExport.Open(new NbdExportOptions { Path = MakeImage(disk.Folder[name + ".qed"]) })], new NbdServerOptions { Address = NbdAddress.Unix(disk.Folder[name]) });
            Assert.Equal(ErrorKind.ImageExists, Assert.Throws<DiskImageException>(other.Start).Kind);
            Assert.True(File.Exists(disk.Folder[name]));
        }

        string stale = disk.Folder["stale"];
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(disk.Folder["bound"]));
            // Under another name, because closing it takes its file away.
            File.Move(disk.Folder["bound"], stale);
        }

        Assert.True(File.Exists(stale));
        using var next = new NbdServer([NbdExport.Open(new NbdExportOptions { Path = MakeImage(disk.Folder["c.qed"]) })], new NbdServerOptions { Address = NbdAddress.Unix(stale) });
        next.Start();
        using var client = new NbdClient(stale);
        client.Go();
    }

    [Fact]
    public void Several_exports_are_told_apart_by_name()
    {
        using var folder = new TempFolder();
        NbdExport[] exports = Enumerable.Range(0, 3).Select(i => NbdExport.Open(new NbdExportOptions { Path = MakeImage(folder[$"{i}.qed"]), Name = $"disk {i}" })).ToArray();
        using var server = new NbdServer(exports, new NbdServerOptions { Address = NbdAddress.Unix(folder["s"]), IsPersistent = true });
        server.Start();
        for (int i = 0; i < 3; i++)
            Qemu.IoOk(server.Address.UriOf($"disk {i}"), "raw", [$"write -P {i + 1} 0 64k"]);
        using var client = new NbdClient(folder["s"]);
        client.Go("disk 2");
        Assert.Equal([3], client.Read(1000, 1));
    }

    [Fact]
    public void Waiting_for_its_end_can_be_given_up()
    {
        using var disk = new ServedDisk(Size);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        disk.Server.Wait(cancellation.Token);
        using NbdClient client = disk.Attach();
    }

    private static string MakeImage(string path)
    {
        CreateImage.Run(new CreateImageOptions { Path = path, Size = Size });
        return path;
    }
}
