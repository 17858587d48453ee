using System;
using System.Linq;
using System.Threading;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Tests.Support;
using Qed.Transfer;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Transfer;

/// <summary>What cannot be read is lost in pieces as small as the disk allows, is told to the byte, and is not asked for twice.</summary>
public sealed class SalvagedImageTests
{
    private const int MiB = 1 << 20;
    private const int NoSuchDevice = 19;

    private readonly byte[] _contents = Patterns.Random(4 * MiB, 7);
    private readonly UnreadableRanges _unreadable = new();

    public static TheoryData<long, long, long, long> Places() => new()
    {
        // What is bad, and the whole sectors that are lost with it.
        { 0, 512, 0, 512 },
        { 1_000_000, 1, 999_936, 512 },
        { MiB - 1, 2, MiB - 512, 1024 },
        { 70_000, 200_000, 69_632, 200_704 },
        { (4 * MiB) - 1, 1, (4 * MiB) - 512, 512 },
        { 0, 4 * MiB, 0, 4 * MiB },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void Only_the_sectors_that_cannot_be_read_are_lost(long offset, long length, long lostOffset, long lostLength)
    {
        using var disk = new FaultyDisk(_contents, (offset, length));
        using SalvagedImage salvaged = SalvagedImage.Over(disk, _unreadable, NullLogger.Instance, default);
        byte[] read = new byte[_contents.Length];
        salvaged.Read(new GuestOffset(0), read);
        Assert.Equal([new GuestRange(new GuestOffset(lostOffset), lostLength)], _unreadable.ToList());
        byte[] expected = (byte[])_contents.Clone();
        expected.AsSpan((int)lostOffset, (int)lostLength).Clear();
        Assert.Equal(expected, read);
    }

    [Fact]
    public void A_bad_page_costs_few_reads_that_fail_and_none_when_it_is_wanted_again()
    {
        using var disk = new FaultyDisk(_contents, (MiB + 4096, 4096));
        using SalvagedImage salvaged = SalvagedImage.Over(disk, _unreadable, NullLogger.Instance, default);
        byte[] read = new byte[_contents.Length];
        salvaged.Read(new GuestOffset(0), read);
        // One each of all, 64 KiB and 4 KiB, and the eight sectors: a dying disk takes seconds over each.
        Assert.Equal(3 + 8, disk.Failures.Count);
        byte[] again = new byte[_contents.Length];
        salvaged.Read(new GuestOffset(0), again);
        Assert.Equal(3 + 8, disk.Failures.Count);
        Assert.Equal(read, again);
    }

    [Fact]
    public void A_device_that_is_gone_is_an_error_and_not_a_disk_of_zeroes()
    {
        using var disk = new FaultyDisk(_contents, (MiB, 512)) { Error = NoSuchDevice };
        using SalvagedImage salvaged = SalvagedImage.Over(disk, _unreadable, NullLogger.Instance, default);
        Fails.With(ErrorKind.AccessDenied, () => salvaged.Read(new GuestOffset(0), new byte[_contents.Length]));
        Assert.Empty(_unreadable.ToList());
    }

    [Fact]
    public void Cancelling_stops_before_the_next_piece()
    {
        using var cancel = new CancellationTokenSource();
        using var disk = new FaultyDisk(_contents, (0, _contents.Length)) { OnFailure = cancel.Cancel };
        using SalvagedImage salvaged = SalvagedImage.Over(disk, _unreadable, NullLogger.Instance, cancel.Token);
        Assert.ThrowsAny<OperationCanceledException>(() => salvaged.Read(new GuestOffset(0), new byte[MiB]));
        Assert.Single(disk.Failures);
    }

    [Fact]
    public void Comparing_passes_over_what_one_reading_or_the_other_could_not_get()
    {
        byte[] copy = (byte[])_contents.Clone();
        copy.AsSpan(MiB, 512).Clear();
        using var target = new MemoryDisk(copy);
        using (SalvagedImage salvaged = SalvagedImage.Over(new FaultyDisk(_contents, (MiB, 512)), _unreadable, NullLogger.Instance, default))
            Assert.Null(ImageComparer.FirstDifference(salvaged, target, ProgressMeter.Silent, default, _unreadable));
        // What was read into the copy once, and is not there any more.
        using (SalvagedImage salvaged = SalvagedImage.Over(new FaultyDisk(_contents, (2 * MiB, 512)), _unreadable, NullLogger.Instance, default))
            Assert.Null(ImageComparer.FirstDifference(salvaged, target, ProgressMeter.Silent, default, _unreadable));
        copy[3 * MiB] ^= 1;
        using (SalvagedImage salvaged = SalvagedImage.Over(new FaultyDisk(_contents), _unreadable, NullLogger.Instance, default))
            Assert.Equal(3 * MiB, ImageComparer.FirstDifference(salvaged, target, ProgressMeter.Silent, default, _unreadable)!.Value.Value);
    }

    [Fact]
    public void Ranges_are_kept_in_order_and_neighbours_become_one()
    {
        int seed = 5;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        bool[] model = new bool[2000];
        for (int round = 0; round < 300; round++)
        {
            int start = random.Next(model.Length - 20);
            int length = random.Next(1, 20);
            _unreadable.Add(new GuestOffset(start), length);
            Array.Fill(model, true, start, length);
            int at = random.Next(model.Length);
            int run = model.Skip(at).TakeWhile(bad => bad == model[at]).Count();
            Assert.Equal((model[at], run), _unreadable.RunAt(new GuestOffset(at), model.Length - at));
        }

        GuestRange[] ranges = _unreadable.ToList().ToArray();
        Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Offset));
        Assert.Equal(model.Count(bad => bad), _unreadable.Bytes);
        byte[] ones = Patterns.Filled(model.Length, 1);
        _unreadable.Clear(new GuestOffset(0), ones);
        Assert.Equal(model.Select(bad => bad ? (byte)0 : (byte)1), ones);
    }
}
