using System;
using System.Threading.Tasks;
using Qed.Storage;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage;

/// <summary>What would be, without making it: whoever moves clusters there does so with as many threads as on a file.</summary>
public sealed class OverlayStorageTests
{
    private const int Block = 4096;
    private const int BlocksEach = 512;
    private const int Threads = 8;

    [Fact]
    public void Threads_that_copy_and_write_side_by_side_leave_what_each_of_them_made()
    {
        byte[] before = new byte[Threads * BlocksEach * Block];
        new Random(7).NextBytes(before);
        var beneath = new MemoryStorage((byte[])before.Clone());
        using var overlay = new OverlayStorage(beneath);

        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            for (int i = 0; i < BlocksEach; i++)
            {
                long from = ((thread * BlocksEach) + i) * (long)Block;
                overlay.CopyWithin(from, before.Length + from, Block);
                overlay.Write(before.Length + from + 100, [(byte)thread, (byte)i]);
                Assert.False(overlay.IsHole(before.Length + from, Block));
            }
        });

        Assert.Equal(2 * before.Length, overlay.Length);
        byte[] made = new byte[overlay.Length];
        overlay.ReadWhole(0, made);
        for (int block = 0; block < Threads * BlocksEach; block++)
        {
            byte[] expected = before.AsSpan(block * Block, Block).ToArray();
            expected[100] = (byte)(block / BlocksEach);
            expected[101] = (byte)(block % BlocksEach);
            Assert.True(made.AsSpan(before.Length + (block * Block), Block).SequenceEqual(expected), $"Block {block} is not what its thread made.");
        }

        Assert.True(made.AsSpan(0, before.Length).SequenceEqual(before), "What was copied from has changed.");
        byte[] under = new byte[before.Length];
        Assert.Equal(before.Length, beneath.Length);
        beneath.ReadWhole(0, under);
        Assert.Equal(before, under);
    }
}
