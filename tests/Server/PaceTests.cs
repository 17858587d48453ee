using System.Diagnostics;
using Qed.Server.Connections;
using Xunit;

namespace Qed.Tests.Server;

public sealed class PaceTests
{
    // Far enough from both bounds that a test which is held up does not cross them.
    private const long Minute = 60;

    [Fact]
    public void A_request_that_took_longer_than_memory_does_makes_the_next_ones_slow_until_one_is_quick()
    {
        var pace = new Pace();
        Assert.False(pace.IsSlow);
        pace.Finished(Ago(Minute), length: 4096);
        Assert.True(pace.IsSlow);
        pace.Finished(InTheFuture(Minute), length: 4096);
        Assert.False(pace.IsSlow);
    }

    [Fact]
    public void A_long_request_may_take_the_time_that_memory_takes_for_it()
    {
        var pace = new Pace();
        // At 2.5 GiB a second a minute is 150 GiB.
        pace.Finished(Ago(Minute), length: 1L << 40);
        Assert.False(pace.IsSlow);
        pace.Finished(Ago(Minute), length: 1L << 30);
        Assert.True(pace.IsSlow);
    }

    [Fact]
    public void Where_several_quick_ones_are_wanted_one_slow_one_in_between_begins_the_count_anew()
    {
        var pace = new Pace(quickOnes: 2);
        Assert.True(pace.IsSlow);
        pace.Finished(InTheFuture(Minute), length: 0);
        Assert.True(pace.IsSlow);
        pace.Finished(Ago(Minute), length: 0);
        pace.Finished(InTheFuture(Minute), length: 0);
        Assert.True(pace.IsSlow);
        pace.Finished(InTheFuture(Minute), length: 0);
        Assert.False(pace.IsSlow);
    }

    private static long Ago(long seconds) => Stopwatch.GetTimestamp() - (seconds * Stopwatch.Frequency);

    private static long InTheFuture(long seconds) => Ago(-seconds);
}
