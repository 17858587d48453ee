using System;
using Microsoft.Extensions.Logging;
using Qed.Operations;
using Qed.Server;
using Qed.Tests.Support;
using Xunit;
using static Qed.Tests.Server.NbdNumbers;

namespace Qed.Tests.Server;

/// <summary>A disk beneath the served one that is full, or fails: the client is told which of its requests that has cost it, and all else goes on.</summary>
public sealed class HostFaultTests
{
    private const int Cluster = 65536;
    private const long Size = 16 << 20;

    [Fact]
    public void A_full_disk_is_told_as_such_and_nothing_is_lost()
    {
        using var small = new SmallDisk();
        using var disk = new ServedDisk(Size);
        disk.Server.Dispose();
        CreateImage.Run(new CreateImageOptions { Path = small["disk.qed"], Size = Size });
        disk.Start(export: export => export with { Path = small["disk.qed"] });
        byte[] model = new byte[Size];
        using NbdClient client = disk.Attach();
        using NbdClient other = disk.Attach();
        Write(1, Cluster, 0u);
        Assert.Equal(0u, client.Ask(FlushCommand, 0, 0));
        Write(2, Cluster, 0u);
        small.Fill();
        Write(20, Cluster, NbdClient.NoSpaceError);
        Write(21, Cluster, NbdClient.NoSpaceError, Fua);
        Assert.Equal(NbdClient.NoSpaceError, client.Ask(WriteZeroes, 22 * Cluster, 4 * Cluster, NoHole));
        // Both go on: what has its place is written there, and read by everybody.
        Write(1, Cluster - 100, 0u);
        Assert.True(other.Read(0, (int)Size).AsSpan().SequenceEqual(model));
        small.FreeSpace();
        Assert.Equal(0u, other.Ask(FlushCommand, 0, 0));
        Write(20, Cluster, 0u);
        Assert.Equal(0u, client.Ask(FlushCommand, 0, 0));
        Assert.True(client.Read(0, (int)Size).AsSpan().SequenceEqual(model));
        disk.Server.Dispose();
        Assert.Equal(model, ReadContent.ToArray(new ReadContentOptions { Path = small["disk.qed"] }));
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = small["disk.qed"] }) is { Corruptions: 0, LeakedClusters: 0 });

        void Write(int cluster, int length, uint error, ushort flags = 0)
        {
            byte[] bytes = Patterns.Random(length, cluster + length);
            Assert.Equal(error, client.Write((ulong)cluster * Cluster, bytes, flags));
            if (error == 0)
                bytes.CopyTo(model, cluster * Cluster);
        }
    }

    [Fact]
    public void A_disk_that_fails_is_told_as_such_and_a_flush_succeeds_only_when_all_is_on_it()
    {
        using var disk = new ServedDisk(Size);
        byte[] model = MakeFilled(disk);
        using (var file = new FailingFile(disk.Image, "EIO"))
        {
            disk.Start(export: export => export with { Path = file.Path });
            using NbdServer server = disk.Server;
            using NbdClient client = disk.Attach();
            using NbdClient other = disk.Attach();
            // The first one has it looked for what is free; the entry of the next waits for a flush.
            Assert.Equal(0u, client.Ask(Trim, 0, Cluster, Fua));
            Assert.Equal(0u, client.Ask(Trim, 2 * Cluster, Cluster));
            model.AsSpan(0, Cluster).Clear();
            model.AsSpan(2 * Cluster, Cluster).Clear();
            file.Fail();
            Assert.Equal(NbdClient.IoError, client.Write(Cluster, Patterns.Filled(Cluster, 9)));
            Assert.Equal(NbdClient.IoError, client.Write(Cluster, Patterns.Filled(Cluster, 9), Fua));
            for (int i = 0; i < 3; i++)
                Assert.Equal(NbdClient.IoError, (i == 1 ? other : client).Ask(FlushCommand, 0, 0));
            file.Heal();
            Assert.Equal(0u, client.Write(Cluster, Patterns.Filled(Cluster, 8)));
            model.AsSpan(Cluster, Cluster).Fill(8);
            Assert.Equal(0u, other.Ask(FlushCommand, 0, 0));
            Assert.True(other.Read(0, (int)Size).AsSpan().SequenceEqual(model));
            Assert.Contains(disk.Log, entry => entry.Level == LogLevel.Error && entry.Text.Contains("I/O error", StringComparison.Ordinal));
            server.Dispose();
        }

        Assert.Equal(model, ReadContent.ToArray(new ReadContentOptions { Path = disk.Image }));
        // What has failed once nobody calls clean before it was looked at.
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = disk.Image }) is { Corruptions: 0, NeedsCheck: true });
    }

    [Fact]
    public void A_disk_that_is_gone_fails_every_flush_and_the_end_of_the_server_and_the_image_stays_marked()
    {
        using var disk = new ServedDisk(Size);
        byte[] model = MakeFilled(disk);
        using (var file = new FailingFile(disk.Image, "EIO"))
        {
            disk.Start(export: export => export with { Path = file.Path });
            using NbdServer server = disk.Server;
            using NbdClient client = disk.Attach();
            Assert.Equal(0u, client.Ask(Trim, 0, Cluster, Fua));
            Assert.Equal(0u, client.Ask(Trim, 2 * Cluster, Cluster));
            file.Vanish();
            for (int i = 0; i < 3; i++)
                Assert.Equal(NbdClient.IoError, client.Ask(FlushCommand, 0, 0));
            Assert.Equal(NbdClient.IoError, client.Write(Cluster, Patterns.Filled(Cluster, 9), Fua));
            Assert.Throws<DiskImageException>(server.Dispose);
        }

        model.AsSpan(0, Cluster).Clear();
        Assert.True(CheckImage.Run(new CheckImageOptions { Path = disk.Image }) is { Corruptions: 0, NeedsCheck: true });
        Assert.Equal(model, ReadContent.ToArray(new ReadContentOptions { Path = disk.Image }));
    }

    [Fact]
    public void What_cannot_be_read_fails_its_own_request_and_no_other()
    {
        using var disk = new ServedDisk(Size);
        byte[] model = MakeFilled(disk);
        long bad = DataOffset(disk.Image, 5 * Cluster);
        using var file = new FailingFile(disk.Image, (bad, 4096));
        disk.Start(export: export => export with { Path = file.Path, IsReadOnly = true });
        // It ends before its disk does.
        using NbdServer server = disk.Server;
        using NbdClient client = disk.Attach();
        ulong[] cookies = new ulong[16];
        for (int i = 0; i < cookies.Length; i++)
            cookies[i] = client.Request(0, (ulong)i * Cluster, Cluster);
        for (int i = 0; i < cookies.Length; i++)
        {
            NbdReply reply = client.Reply();
            int cluster = Array.IndexOf(cookies, reply.Cookie);
            Assert.Equal(cluster == 5 ? NbdClient.IoError : 0u, reply.Error);
            if (cluster != 5)
                Assert.True(reply.Data.AsSpan().SequenceEqual(model.AsSpan(cluster * Cluster, Cluster)));
        }

        Assert.True(client.Read((5 * Cluster) + 4096, Cluster - 4096).AsSpan().SequenceEqual(model.AsSpan((5 * Cluster) + 4096, Cluster - 4096)));
    }

    /// <summary>Stops the server and fills a part of its image.</summary>
    private static byte[] MakeFilled(ServedDisk disk)
    {
        byte[] model = new byte[Size];
        Patterns.Random(32 * Cluster, 1).CopyTo(model, 0);
        using (NbdClient client = disk.Attach())
            Assert.Equal(0u, client.Write(0, model[..(32 * Cluster)]));
        disk.Server.Dispose();
        return model;
    }

    private static long DataOffset(string image, long guest)
    {
        using Qed.Images.DiskImage disk = OpenImage.ForReading(image);
        foreach (MappedExtent extent in disk.GetExtents(guest, 1))
            return extent.HostOffset!.Value;
        throw new InvalidOperationException("There is no data.");
    }
}
