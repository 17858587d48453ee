using System;
using System.IO;
using Qed.Server;
using Qed.Server.Connections;
using Qed.Server.Exports;
using Xunit;

namespace Qed.Tests.Server;

/// <summary>What a request costs besides its work.</summary>
public sealed class RequestCostTests
{
    private const int Block = 4096;
    private const int Size = 1 << 20;

    [Fact]
    public void Reads_that_are_done_at_once_leave_no_garbage()
    {
        using var disk = new ServedDisk(Size);
        using (NbdClient client = disk.Attach())
            client.Write(0, new byte[Size]);
        disk.Server.Dispose();
        using NbdExport export = NbdExport.Open(new NbdExportOptions { Path = disk.Image });
        var offer = new Offer([export], takesSeveral: true, tls: null);
        long few = Allocated(disk, offer, 500);
        long many = Allocated(disk, offer, 20_500);
        // Threads that a busy machine has it start are all that differs.
        Assert.InRange(many - few, long.MinValue, 100_000);
    }

    private static long Allocated(ServedDisk disk, Offer offer, int requests)
    {
        using var transport = new Transport(new ScriptedClient(Script(requests)));
        var conversation = new Conversation(transport, offer, new ClientLog(disk.Logger, 1), new TrafficCounters(), () => { });
        long before = GC.GetAllocatedBytesForCurrentThread();
        conversation.Run(TimeSpan.FromMinutes(1));
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static byte[] Script(int requests)
    {
        using var script = new MemoryStream();
        script.Write(NbdClient.Number(3u));
        script.Write([.. "IHAVEOPT"u8, .. NbdClient.Number(1u), .. NbdClient.Number(0u)]);
        for (int i = 0; i < requests; i++)
            script.Write(NbdClient.RequestBytes(NbdNumbers.ReadCommand, (ulong)(i % (Size / Block)) * Block, Block, (ulong)i));
        return script.ToArray();
    }
}
