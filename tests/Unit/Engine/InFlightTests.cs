using System;
using System.Threading;
using System.Threading.Tasks;
using Qed.Engine;
using Qed.Layout;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

public sealed class InFlightTests
{
    // 512 clusters of 4 KiB.
    private const long Part = 2 << 20;

    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(50);

    private readonly InFlight _inFlight = new(QedGeometry.TryCreate(4096, 1)!);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_takes_places_away_waits_for_those_who_use_them_and_keeps_others_out()
    {
        InFlight.Hold reader = _inFlight.Share(new GuestOffset(100));
        using (_inFlight.Share(new GuestOffset(Part - 1)))
        {
            // Two together.
        }

        Task<InFlight.Hold> dropping = Task.Run(() => _inFlight.Exclude(new GuestOffset(4096)), Token);
        Assert.NotSame(dropping, await Task.WhenAny(dropping, Task.Delay(Soon, Token)));
        // Whoever comes now has to wait for the one who waits.
        Task<InFlight.Hold> late = Task.Run(() => _inFlight.Share(new GuestOffset(0)), Token);
        Assert.NotSame(late, await Task.WhenAny(late, Task.Delay(Soon, Token)));
        // Another part of the disk is nobody's concern.
        _inFlight.Share(new GuestOffset(Part)).Dispose();
        _inFlight.Exclude(new GuestOffset(2 * Part)).Dispose();
        reader.Dispose();
        InFlight.Hold alone = await dropping;
        Assert.NotSame(late, await Task.WhenAny(late, Task.Delay(Soon, Token)));
        alone.Dispose();
        (await late).Dispose();
    }

    [Fact]
    public async Task Who_holds_all_waits_for_every_part()
    {
        InFlight.Hold reader = _inFlight.Share(new GuestOffset(7 * Part));
        Task<InFlight.Hold> all = Task.Run(_inFlight.ExcludeAll, Token);
        Assert.NotSame(all, await Task.WhenAny(all, Task.Delay(Soon, Token)));
        reader.Dispose();
        InFlight.Hold held = await all;
        Task<InFlight.Hold> late = Task.Run(() => _inFlight.Share(new GuestOffset(30 * Part)), Token);
        Assert.NotSame(late, await Task.WhenAny(late, Task.Delay(Soon, Token)));
        held.Dispose();
        (await late).Dispose();
    }

    [Fact]
    public void A_part_that_is_held_alone_is_held_by_nobody_else_whoever_comes()
    {
        int users = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            for (int i = 0; i < 3000; i++)
            {
                if ((i + thread) % 5 == 0)
                {
                    using InFlight.Hold hold = i % 50 == 0 ? _inFlight.ExcludeAll() : _inFlight.Exclude(new GuestOffset(0));
                    Assert.Equal(0, Volatile.Read(ref users));
                }
                else
                {
                    using InFlight.Hold hold = _inFlight.Share(new GuestOffset(0));
                    Interlocked.Increment(ref users);
                    Thread.Yield();
                    Interlocked.Decrement(ref users);
                }
            }
        });
    }

    [Fact]
    public void A_part_ends_where_a_page_of_a_table_does()
    {
        Assert.Equal(Part, _inFlight.ToPartEnd(new GuestOffset(3 * Part)));
        Assert.Equal(1, _inFlight.ToPartEnd(new GuestOffset((3 * Part) - 1)));
    }
}
