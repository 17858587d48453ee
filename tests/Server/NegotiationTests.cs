using System;
using System.Buffers.Binary;
using System.Linq;
using System.Text;
using Qed.Server;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>The handshake, by the NBD specification.</summary>
public sealed class NegotiationTests
{
    private const long Size = 16 << 20;

    [Fact]
    public void The_server_greets_in_the_fixed_newstyle()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        Assert.Equal("NBDMAGICIHAVEOPT", Encoding.ASCII.GetString(client.Greeting, 0, 16));
        Assert.Equal(3, BinaryPrimitives.ReadUInt16BigEndian(client.Greeting.AsSpan(16)));
    }

    [Theory]
    [InlineData(4u)]
    [InlineData(7u)]
    [InlineData(0x80000001u)]
    public void A_client_with_flags_that_are_not_known_is_cut_off(uint flags)
    {
        using var disk = new ServedDisk(Size);
        using var client = new NbdClient(disk.Socket, flags);
        Assert.True(client.IsCutOff());
    }

    [Fact]
    public void An_option_that_is_not_known_gets_an_answer_and_the_next_one_too()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        Assert.Equal(NbdClient.UnsupportedOption, client.Option(4711, [1, 2, 3])[0].Kind);
        Assert.Equal(NbdClient.ForbiddenOption, client.Option(5)[0].Kind);
        client.Go();
        Assert.Equal((ulong)Size, client.Size);
    }

    [Fact]
    public void The_exports_are_listed_with_what_is_said_of_them()
    {
        using var disk = new ServedDisk(Size, export: export => export with { Name = "über", Description = "the server's disk" });
        using NbdClient client = disk.Connect();
        (uint Kind, byte[] Data) export = Assert.Single(client.Option(3), answer => answer.Kind == 2);
        Assert.Equal([.. NbdClient.Text("über"), .. Encoding.UTF8.GetBytes("the server's disk")], export.Data);
        Assert.Equal(NbdClient.InvalidOption, client.Option(3, [0])[0].Kind);
    }

    [Fact]
    public void An_export_is_described_before_it_is_chosen()
    {
        using var disk = new ServedDisk(Size, export: export => export with { Name = "disk", Description = "text" });
        using NbdClient client = disk.Connect();
        var answers = client.Option(6, NbdClient.Text("disk"), NbdClient.Number((ushort)2), NbdClient.Number((ushort)1), NbdClient.Number((ushort)2));
        byte[] InfoOf(byte kind) => answers.Single(answer => answer.Kind == 3 && answer.Data[1] == kind).Data;
        Assert.Equal((ulong)Size, BinaryPrimitives.ReadUInt64BigEndian(InfoOf(0).AsSpan(2)));
        Assert.Equal("disk", Encoding.UTF8.GetString(InfoOf(1)[2..]));
        Assert.Equal("text", Encoding.UTF8.GetString(InfoOf(2)[2..]));
        Assert.Equal([.. NbdClient.Number((ushort)3), .. NbdClient.Number(1u), .. NbdClient.Number(4096u), .. NbdClient.Number(32u << 20)], InfoOf(3));
        client.Go("disk");
        Assert.Equal(0u, client.Write(0, [1, 2, 3]));
    }

    [Fact]
    public void An_export_that_does_not_exist_is_refused_by_name()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        Assert.Equal(NbdClient.UnknownExport, client.Option(7, NbdClient.Text("other"), NbdClient.Number((ushort)0))[0].Kind);
        Assert.Equal(NbdClient.UnknownExport, client.Option(6, NbdClient.Text("other"), NbdClient.Number((ushort)0))[0].Kind);
        client.StructuredReplies();
        Assert.Equal(NbdClient.UnknownExport, client.Option(9, NbdClient.Text("other"), NbdClient.Number(0u))[0].Kind);
        client.Go();
    }

    [Fact]
    public void A_refusal_says_why()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        string Why(uint option, params byte[][] data) => Encoding.UTF8.GetString(client.Option(option, data)[0].Data);
        Assert.Equal("option 4711 is not known here", Why(4711));
        Assert.Equal("this option comes without data", Why(3, [0]));
        Assert.Equal("this option comes without data", Why(8, [0]));
        Assert.Equal("this server has no TLS", Why(5));
        Assert.Equal("no export has the name 'öther'", Why(7, NbdClient.Text("öther"), NbdClient.Number((ushort)0)));
        Assert.Equal("what the option says is malformed", Why(7, [0]));
        Assert.Equal("structured replies come first", Why(10, NbdClient.Text(string.Empty), NbdClient.Number(0u)));
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 0, 0, 0, 9, 1 })]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 2, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 9 })]
    [InlineData(new byte[] { 0, 0, 0, 1, 0xff, 0, 0 })]
    public void Data_of_an_option_that_is_not_what_its_lengths_say_is_refused(byte[] data)
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        client.StructuredReplies();
        foreach (uint option in new uint[] { 6, 7, 9, 10 })
            Assert.Equal(NbdClient.InvalidOption, client.Option(option, data)[0].Kind);
        client.Go();
    }

    [Fact]
    public void The_oldest_option_begins_at_once_with_or_without_its_zeroes_for_clients_of_any_style()
    {
        using var disk = new ServedDisk(Size);
        foreach ((uint flags, int zeroes) in new[] { (0u, 124), (1u, 124), (2u, 0), (3u, 0) })
        {
            using var client = new NbdClient(disk.Socket, flags);
            client.Send("IHAVEOPT"u8.ToArray(), NbdClient.Number(1u), NbdClient.Number(0u));
            byte[] answer = client.Receive(10 + zeroes);
            Assert.Equal((ulong)Size, BinaryPrimitives.ReadUInt64BigEndian(answer));
            Assert.All(answer[10..], value => Assert.Equal(0, value));
            Assert.Equal(0u, client.Write(1000, [5]));
            Assert.Equal([5], client.Read(1000, 1));
        }
    }

    [Fact]
    public void The_oldest_option_can_only_hang_up_on_an_export_that_does_not_exist()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        client.Send("IHAVEOPT"u8.ToArray(), NbdClient.Number(1u), NbdClient.Text("other"));
        Assert.True(client.IsCutOff());
    }

    [Fact]
    public void Metadata_contexts_are_told_by_name_by_group_and_all_and_need_structured_replies()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        string[] Listed(params string[] queries) => client.Option(9, [NbdClient.Text(string.Empty), NbdClient.Number((uint)queries.Length), .. queries.Select(NbdClient.Text)])
            .Where(answer => answer.Kind == 4).Select(answer => Encoding.UTF8.GetString(answer.Data[4..])).ToArray();
        Assert.Equal(NbdClient.InvalidOption, client.Option(9, NbdClient.Text(string.Empty), NbdClient.Number(0u))[0].Kind);
        client.StructuredReplies();
        Assert.Equal(["base:allocation", "qed:allocation-depth", "qemu:allocation-depth"], Listed());
        Assert.Equal(["base:allocation"], Listed("base:"));
        Assert.Equal(["qed:allocation-depth"], Listed("qed:allocation-depth", "other:thing", "qed:"));
        Assert.Equal(["qemu:allocation-depth"], Listed("qemu:"));
        Assert.Empty(Listed("base:allocat"));
        Assert.Empty(client.Contexts(string.Empty));
        Assert.Equal([1u, 2u], client.Contexts(string.Empty, "base:allocation", "qed:allocation-depth", "x:y"));
    }

    [Fact]
    public void Contexts_of_one_export_hold_for_no_other()
    {
        using var disk = new ServedDisk(Size, export: export => export with { Name = "disk" });
        using NbdClient client = disk.Connect();
        client.StructuredReplies();
        client.Contexts("disk", "base:allocation");
        Assert.Equal(NbdClient.UnknownExport, client.Option(10, NbdClient.Text("other"), NbdClient.Number(0u))[0].Kind);
        client.Go("disk");
        Assert.Equal(NbdClient.InvalidError, client.Ask(7, 0, 4096));
    }

    [Fact]
    public void An_option_without_end_and_options_without_end_are_cut_off()
    {
        using var disk = new ServedDisk(Size);
        using (NbdClient client = disk.Connect())
        {
            client.Send("IHAVEOPT"u8.ToArray(), NbdClient.Number(3u), NbdClient.Number(uint.MaxValue));
            Assert.True(client.IsCutOff());
        }

        using (NbdClient client = disk.Connect())
        {
            for (int i = 0; i < 256; i++)
                client.Option(4711);
            Assert.True(client.IsCutOff());
        }

        using (NbdClient client = disk.Connect())
        {
            client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            Assert.True(client.IsCutOff());
        }

        Assert.Equal(3, disk.Log.Count(entry => entry.Text.Contains("cut off", StringComparison.Ordinal)));
    }

    [Fact]
    public void Who_does_not_say_what_it_wants_is_let_go()
    {
        using var disk = new ServedDisk(Size, options => options with { HandshakeTimeout = TimeSpan.FromMilliseconds(50) });
        using NbdClient client = disk.Connect();
        Assert.True(client.IsCutOff());
    }

    [Fact]
    public void A_client_that_thinks_better_of_it_is_let_go_with_an_answer()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        Assert.Equal(1u, client.Option(2)[0].Kind);
        Assert.True(client.IsCutOff());
    }

    [Fact]
    public void Names_that_are_too_long_or_twice_are_refused_when_the_server_is_made()
    {
        using var disk = new ServedDisk(Size);
        NbdExport export = disk.Server.Exports[0];
        Assert.Throws<ArgumentException>(() => new NbdExport(export.Image, new string('x', 4097)));
        Assert.Throws<ArgumentException>(() => new NbdServer([export, export], new NbdServerOptions { Address = disk.Server.Address }));
        Assert.Throws<ArgumentException>(() => new NbdServer([], new NbdServerOptions { Address = disk.Server.Address }));
    }
}
