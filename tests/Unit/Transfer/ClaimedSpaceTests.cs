using System;
using Qed.Images;
using Xunit;

namespace Qed.Tests.Transfer;

public sealed class ClaimedSpaceTests
{
    private const long ClustersOf64TiB = 1L << 30;

    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 40)]
    [InlineData(3, 3000)]
    public void Claims_are_those_of_a_map_of_flags(int seed, int longest)
    {
        const int Units = 200_000;
        var random = new Random(seed);
        var space = new ClaimedSpace();
        bool[] flags = new bool[Units];
        for (int i = 0; i < 40_000; i++)
        {
            int first = random.Next(Units - longest);
            int count = random.Next(1, longest);
            bool isFree = flags.AsSpan(first, count).IndexOf(true) < 0;
            Assert.Equal(!isFree, space.IsClaimed(first, count));
            Assert.Equal(isFree, space.TryClaim(first, count));
            bool isMarked = !isFree && random.Next(8) == 0;
            if (isMarked)
                space.Mark(first, first + count);
            if (isFree || isMarked)
                flags.AsSpan(first, count).Fill(true);
        }

        for (int unit = 0; unit < Units; unit++)
            Assert.True(flags[unit] == space.IsClaimed(unit, 1), $"unit {unit}");
    }

    [Fact]
    public void Marks_fill_what_is_free_between_claims()
    {
        var space = new ClaimedSpace();
        Assert.True(space.TryClaim(5, 2));
        space.Mark(0, 40_000);
        space.Mark(0, 40_000);
        for (int unit = 0; unit < 40_000; unit++)
            Assert.False(space.TryClaim(unit, 1));
        Assert.True(space.TryClaim(40_000, 1));
    }

    [Fact]
    public void A_range_without_end_that_a_header_tells_of_costs_no_more_than_the_bound_of_memory()
    {
        const long Units = 1L << 50;
        var space = new ClaimedSpace(1 << 20);
        Assert.False(space.IsClaimed(0, Units));
        Assert.True(space.TryClaim(5, 2));
        Assert.True(space.TryClaim(90_000, 1));
        Assert.True(space.IsClaimed(0, Units));
        Assert.False(space.TryClaim(6, Units));
        space.Mark(0, Units);
        Assert.True(space.IsExhausted);
        Assert.InRange(space.Bytes, 1 << 20, (1 << 20) + 8192);
        foreach (int unit in new[] { 0, 5, 40_000, 90_000, 90_001 })
            Assert.False(space.TryClaim(unit, 1), $"unit {unit}");
    }

    [Fact]
    public void The_clusters_of_64_TiB_take_a_few_mebibytes_in_order_in_one_run_or_by_stripes()
    {
        var inOrder = new ClaimedSpace();
        Assert.True(inOrder.TryClaim(0, ClustersOf64TiB));
        Assert.False(inOrder.TryClaim(ClustersOf64TiB / 3, 1));
        Assert.InRange(inOrder.Bytes, 1, 8 << 20);

        // As a guest writes that goes through its disk by stripes of 2 GiB.
        var striped = new ClaimedSpace();
        for (long stripe = 0; stripe < 64; stripe++)
        {
            for (long row = stripe; row < ClustersOf64TiB >> 15; row += 64)
                Assert.True(striped.TryClaim(row << 15, 1 << 15));
        }

        Assert.False(striped.IsExhausted);
        Assert.InRange(striped.Bytes, 1, 8 << 20);
    }

    [Fact]
    public void Memory_is_bounded_wherever_the_claims_lie_and_then_nothing_is_noted()
    {
        var space = new ClaimedSpace(1 << 20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (long i = 0; i < 200_000; i++)
            Assert.True(space.TryClaim(i * 1_000_003, 1));
        Assert.True(space.IsExhausted);
        Assert.InRange(space.Bytes, 1 << 20, (1 << 20) + 8192);
        Assert.True(space.IsClaimed(1_000_003, 1));
        Assert.False(space.IsClaimed(199_999L * 1_000_003, 1));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 64 << 20);
    }
}
