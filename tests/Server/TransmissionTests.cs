using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;
using static Qed.Tests.Server.NbdNumbers;

namespace Qed.Tests.Server;

/// <summary>Requests and their replies, by the NBD specification.</summary>
public sealed class TransmissionTests
{
    private const int Cluster = 65536;
    private const long Size = (16 << 20) + 512;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_written_is_read_in_pieces_of_any_size(bool structured)
    {
        using var disk = new ServedDisk(Size);
        byte[] expected = new byte[Size];
        using NbdClient client = disk.Connect();
        if (structured)
            client.StructuredReplies();
        client.Go();
        foreach ((int offset, int length) in new[] { (0, 1), (511, 2), (65535, 70000), (1 << 20, 300_000), (5 << 20, 9 << 20), ((int)Size - 1, 1) })
        {
            byte[] bytes = Patterns.Random(length, offset);
            bytes.CopyTo(expected, offset);
            Assert.Equal(0u, client.Write((ulong)offset, bytes));
            Assert.Equal(bytes, client.Read((ulong)offset, length));
        }

        Assert.Equal(expected, client.Read(0, (int)Size));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(28)]
    [InlineData(28 + 1000)]
    public void What_is_done_is_answered_though_the_next_request_is_not_whole(int part)
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        byte[] payload = Patterns.Random(4096, 1);
        byte[] write = [.. NbdClient.RequestBytes(WriteCommand, 0, 4096, cookie: 77), .. payload];
        ulong[] cookies = [.. Enumerable.Range(0, 40).Select(i => client.Request(ReadCommand, (ulong)i * 4096, 4096))];
        client.Send(write[..part]);
        Assert.Equal(cookies, cookies.Select(_ => client.Reply().Cookie).Order());
        client.Send(write[part..]);
        Assert.Equal(77ul, client.Reply().Cookie);
        Assert.Equal(payload, client.Read(0, 4096));
    }

    [Fact]
    public void Requests_that_are_sent_together_are_all_answered()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        client.Write(0, Patterns.Random(1 << 20, 7));
        byte[] expected = client.Read(0, 1 << 20);
        var open = new Dictionary<ulong, (int Offset, int Length)>();
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            int offset = random.Next(1 << 20);
            int length = random.Next(1, Math.Min(300_000, (1 << 20) - offset + 1));
            open.Add(client.Request(ReadCommand, (ulong)offset, (uint)length), (offset, length));
            if (i % 7 == 0)
                open.Add(client.Request(FlushCommand, 0, 0), (0, 0));
            while (open.Count > 16)
                Receive();
        }

        while (open.Count > 0)
            Receive();

        void Receive()
        {
            NbdReply reply = client.Reply();
            Assert.True(open.Remove(reply.Cookie, out (int Offset, int Length) range));
            Assert.True(reply.Data.AsSpan().SequenceEqual(expected.AsSpan(range.Offset, range.Length)));
        }
    }

    [Fact]
    public void What_lies_outside_the_disk_is_refused_and_the_connection_goes_on()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        ulong end = (ulong)Size;
        foreach (ushort command in new[] { ReadCommand, Cache })
            Assert.Equal(NbdClient.InvalidError, client.Ask(command, end - 1, 2));
        foreach (ushort command in new[] { WriteZeroes, Trim })
            Assert.Equal(NbdClient.NoSpaceError, client.Ask(command, end - 1, 2));
        Assert.Equal(NbdClient.NoSpaceError, client.Write(end - 1, [1, 2]));
        Assert.Equal(NbdClient.NoSpaceError, client.Write(ulong.MaxValue, [1, 2]));
        Assert.Equal(NbdClient.InvalidError, client.Ask(ReadCommand, ulong.MaxValue - 10, 100));
        foreach (ushort command in new[] { ReadCommand, WriteCommand, Trim, WriteZeroes, Cache })
            Assert.Equal(NbdClient.InvalidError, client.Ask(command, 0, 0));
        Assert.Equal(new byte[2], client.Read(end - 2, 2));
    }

    [Fact]
    public void An_error_of_a_structured_reply_says_which_rule_was_broken()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        client.Request(ReadCommand, (ulong)Size, 1);
        NbdReply reply = client.Reply();
        Assert.Equal(NbdClient.InvalidError, reply.Error);
        Assert.Equal($"1 bytes at {Size}, of {Size}", reply.Message);
    }

    [Fact]
    public void Commands_and_flags_that_are_not_known_are_refused_and_the_connection_goes_on()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        Assert.Equal(NbdClient.InvalidError, client.Ask(8, 0, 4096));
        Assert.Equal(NbdClient.InvalidError, client.Ask(0xffff, 0, 4096));
        Assert.Equal(NbdClient.InvalidError, client.Ask(ReadCommand, 0, 4096, 1 << 15));
        Assert.Equal(NbdClient.InvalidError, client.Ask(WriteZeroes, 0, 4096, 32));
        Assert.Equal(NbdClient.InvalidError, client.Write(0, [1, 2, 3], NoHole));
        Assert.Equal(NbdClient.InvalidError, client.Ask(BlockStatus, 0, 4096));
        Assert.Equal(new byte[3], client.Read(0, 3));
    }

    [Fact]
    public void A_write_or_a_read_that_is_larger_than_clients_are_told_is_refused()
    {
        using var disk = new ServedDisk(64 << 20);
        using (NbdClient client = disk.Attach())
        {
            Assert.Equal(NbdClient.OverflowError, client.Ask(ReadCommand, 0, (32 << 20) + 1));
            Assert.Equal(32 << 20, client.Read(0, 32 << 20).Length);
            client.Request(WriteCommand, 0, (32 << 20) + 1);
            Assert.True(client.IsCutOff());
        }

        Assert.Contains(disk.Log, entry => entry.Level == LogLevel.Warning && entry.Text.Contains("33554433", StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_is_written_where_the_export_is_read_only()
    {
        using var disk = new ServedDisk(Size, export: export => export with { IsReadOnly = true });
        using NbdClient client = disk.Attach();
        Assert.Equal(3, client.Flags & 3);
        Assert.Equal(0, client.Flags & (1 << 5 | 1 << 6));
        Assert.Equal(NbdClient.ReadOnlyError, client.Write(0, new byte[100_000]));
        Assert.Equal(NbdClient.ReadOnlyError, client.Ask(Trim, 0, 4096));
        Assert.Equal(NbdClient.ReadOnlyError, client.Ask(WriteZeroes, 0, 4096));
        Assert.Equal(0u, client.Ask(FlushCommand, 0, 0));
        Assert.Equal(new byte[10], client.Read(0, 10));
    }

    [Fact]
    public void Zeroes_take_no_space_unless_they_are_to_and_trimmed_space_is_given_back()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Connect();
        client.StructuredReplies();
        uint[] contexts = client.Contexts(string.Empty, "base:allocation", "qed:allocation-depth");
        client.Go();
        Assert.Equal(0u, client.Write(0, Patterns.Filled(4 * Cluster, 7), Fua));
        Assert.Equal(0u, client.Ask(WriteZeroes, 0, Cluster, NoHole | Fua));
        Assert.Equal(0u, client.Ask(WriteZeroes, Cluster, Cluster));
        Assert.Equal(0u, client.Ask(Trim, 2 * Cluster, Cluster, Fua));
        Assert.Equal(0u, client.Ask(Cache, 0, (uint)Size));
        Assert.Equal([.. new byte[3 * Cluster], .. Patterns.Filled(Cluster, 7)], client.Read(0, 4 * Cluster));
        client.Request(BlockStatus, 0, (uint)Size);
        NbdReply reply = client.Reply();
        Assert.Equal([(Cluster, 0u), (2 * Cluster, 3u), (Cluster, 0u), ((uint)Size - (4 * Cluster), 3u)], reply.Status[contexts[0]]);
        Assert.Equal([(Cluster, 1u), (2 * Cluster, 0u), (Cluster, 1u), ((uint)Size - (4 * Cluster), 0u)], reply.Status[contexts[1]]);
        client.Request(BlockStatus, 10, Cluster, RequestOne);
        Assert.Equal([(Cluster - 10, 0u)], client.Reply().Status[contexts[0]]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Zeroes_that_are_to_be_quick_are_refused_where_they_would_be_written(bool overlay)
    {
        using var disk = new ServedDisk(Size);
        if (overlay)
        {
            using (NbdClient below = disk.Attach())
                below.Write(0, Patterns.Filled((int)Size, 3));
            disk.Server.Dispose();
            disk.Start(export: export => export with { OverlayPath = disk.Folder["over.qed"] });
        }

        using NbdClient client = disk.Attach();
        Assert.NotEqual(0, client.Flags & (1 << 11));
        byte[] model = client.Read(0, (int)Size);
        byte[] written = Patterns.Filled(4 * Cluster, 7);
        Assert.Equal(0u, client.Write(0, written));
        written.CopyTo(model, 0);
        // A part of a cluster, and space that is to be taken.
        Assert.Equal(NbdClient.NotSupportedError, client.Ask(WriteZeroes, 10, Cluster, FastZero));
        Assert.Equal(NbdClient.NotSupportedError, client.Ask(WriteZeroes, Cluster - 1, Cluster, FastZero | Fua));
        Assert.Equal(NbdClient.NotSupportedError, client.Ask(WriteZeroes, 0, 4 * Cluster, FastZero | NoHole));
        Assert.Equal(model, client.Read(0, (int)Size));
        Assert.Equal(0u, client.Ask(WriteZeroes, Cluster - 1, Cluster + 2, FastZero));
        model.AsSpan(Cluster - 1, Cluster + 2).Clear();
        // What is zeroes takes nothing; what lies beneath has to be hidden.
        Assert.Equal(0u, client.Ask(WriteZeroes, Cluster + 10, 100, FastZero));
        Assert.Equal(overlay ? NbdClient.NotSupportedError : 0u, client.Ask(WriteZeroes, 8 * Cluster, 100, FastZero));
        Assert.Equal(0u, client.Ask(WriteZeroes, 8 * Cluster, (uint)(Size - (8 * Cluster)), FastZero | Fua));
        model.AsSpan(8 * Cluster).Clear();
        Assert.Equal(model, client.Read(0, (int)Size));
    }

    [Fact]
    public void A_raw_disk_is_zeroed_quickly_where_its_file_can_have_holes()
    {
        using var disk = new ServedDisk(Size);
        disk.Server.Dispose();
        System.IO.File.WriteAllBytes(disk.Folder["disk.raw"], Patterns.Filled((int)Size, 3));
        disk.Start(export: export => export with { Path = disk.Folder["disk.raw"] });
        using NbdClient client = disk.Attach();
        Assert.Equal(0u, client.Ask(WriteZeroes, 10, 1 << 20, FastZero));
        Assert.Equal([.. Patterns.Filled(10, 3), .. new byte[1 << 20], 3], client.Read(0, (1 << 20) + 11));
    }

    [Fact]
    public void A_hole_is_sent_as_one()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        client.Request(ReadCommand, 0, 1 << 20);
        NbdReply reply = client.Reply();
        Assert.True(reply.HasHole);
        Assert.Equal(new byte[1 << 20], reply.Data);
        client.Write(1 << 19, [9]);
        client.Request(ReadCommand, 0, 1 << 20);
        reply = client.Reply();
        Assert.False(reply.HasHole);
        Assert.Equal(9, reply.Data[1 << 19]);
    }

    [Fact]
    public void The_depth_tells_which_image_of_the_chain_holds_a_range()
    {
        using var disk = new ServedDisk(Size);
        using (NbdClient client = disk.Attach())
            client.Write(0, Patterns.Filled(2 * Cluster, 1));
        disk.Server.Dispose();
        disk.Start(export: export => export with { OverlayPath = disk.Folder["over.qed"] });
        using (NbdClient client = disk.Connect())
        {
            client.StructuredReplies();
            uint[] contexts = client.Contexts(string.Empty, "qed:allocation-depth", "qemu:allocation-depth");
            client.Go();
            client.Write(Cluster, Patterns.Filled(Cluster, 2));
            client.Request(BlockStatus, 0, (uint)Size);
            NbdReply reply = client.Reply();
            Assert.Equal(2, contexts.Length);
            Assert.All(contexts, context => Assert.Equal([(Cluster, 2u), (Cluster, 1u), ((uint)Size - (2 * Cluster), 0u)], reply.Status[context]));
        }
    }

    [Fact]
    public void A_disk_that_has_more_extents_than_a_reply_tells_is_told_from_its_start()
    {
        using var disk = new ServedDisk(512 << 20);
        using NbdClient client = disk.Connect();
        client.StructuredReplies();
        uint context = client.Contexts(string.Empty, "base:allocation").Single();
        client.Go();
        for (uint i = 0; i < 4200; i++)
        {
            client.Request(WriteCommand, (ulong)i * 2 * Cluster % (512 << 20), 1, payload: [1]);
            client.Reply();
        }

        client.Request(BlockStatus, 0, 512 << 20);
        List<(uint Length, uint Flags)> extents = client.Reply().Status[context];
        Assert.Equal(4096, extents.Count);
        Assert.Equal([(Cluster, 0u), (Cluster, 3u)], extents[^2..]);
    }

    [Fact]
    public void A_client_that_leaves_in_the_middle_of_a_request_harms_nobody()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient other = disk.Attach();
        using (NbdClient client = disk.Attach())
        {
            client.Write(0, [1]);
            client.Request(WriteCommand, 0, 1000, payload: new byte[10]);
        }

        using (NbdClient client = disk.Attach())
            client.Send([0x25, 0x60, 0x95]);
        using (NbdClient client = disk.Attach())
        {
            client.Send(new byte[28]);
            Assert.True(client.IsCutOff());
        }

        Assert.Equal([1], other.Read(0, 1));
    }

    [Fact]
    public void A_client_that_says_goodbye_is_let_go_after_its_replies()
    {
        using var disk = new ServedDisk(Size);
        using NbdClient client = disk.Attach();
        client.Request(WriteCommand, 0, 3, Fua, [1, 2, 3]);
        client.Request(Disconnect, 0, 0);
        Assert.Equal(0u, client.Reply().Error);
        Assert.True(client.IsCutOff());
    }

    [Fact]
    public void An_export_can_be_a_part_of_the_disk()
    {
        using var disk = new ServedDisk(Size, export: export => export with { Offset = 1000 });
        using (NbdClient client = disk.Attach())
        {
            Assert.Equal((ulong)Size - 1000, client.Size);
            client.Write(0, [1, 2, 3]);
            Assert.Equal(NbdClient.InvalidError, client.Ask(ReadCommand, (ulong)Size - 1000, 1));
        }

        disk.Server.Dispose();
        using Qed.Images.DiskImage image = OpenImage.ForReading(disk.Image);
        byte[] bytes = new byte[5];
        image.Read(999, bytes);
        Assert.Equal([0, 1, 2, 3, 0], bytes);
    }
}
