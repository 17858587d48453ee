using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Space;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Space;

public sealed class FreeClustersTests
{
    private const int Clusters = 20_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_work_matches_a_set_of_numbers(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var free = new FreeClusters();
        var model = new SortedSet<long>();
        var zero = new HashSet<long>();
        for (int step = 0; step < 4000; step++)
        {
            var run = new ClusterRun(new ClusterIndex(random.Next(Clusters)), random.Next(1, 40));
            long[] numbers = [.. Enumerable.Range((int)run.First.Value, (int)run.Count).Select(number => (long)number)];
            switch (random.Next(5))
            {
                case 0:
                    free.Add(run);
                    model.UnionWith(numbers);
                    break;
                case 1:
                    free.Remove(run);
                    model.ExceptWith(numbers);
                    zero.ExceptWith(numbers);
                    break;
                case 2:
                    free.MarkZero(run);
                    zero.UnionWith(numbers.Where(model.Contains));
                    break;
                default:
                    Take(free, model, zero, random.Next(1, 20), random.Next(3) == 0, random.Next(-1, Clusters));
                    break;
            }

            Assert.Equal(model.Count, free.Count);
        }
    }

    [Fact]
    public void The_free_tail_before_an_end_is_found()
    {
        var free = new FreeClusters();
        free.Add(new ClusterRun(new ClusterIndex(10), 5));
        free.Add(new ClusterRun(new ClusterIndex(20), 10));
        Assert.Equal(20, free.TailBefore(30));
        Assert.Equal(31, free.TailBefore(31));
        Assert.Equal(10, free.TailBefore(15));
        Assert.Equal(0, new FreeClusters().TailBefore(0));
    }

    private static void Take(FreeClusters free, SortedSet<long> model, HashSet<long> zero, int count, bool mustBeWhole, long near)
    {
        int minimum = mustBeWhole ? count : 1;
        if (free.Take(count, minimum, near) is not var (run, isZero))
        {
            Assert.DoesNotContain(model, first => Enumerable.Range(0, minimum).All(i => model.Contains(first + i)));
            return;
        }

        Assert.InRange(run.Count, minimum, count);
        for (long cluster = run.First.Value; cluster < run.End; cluster++)
        {
            Assert.True(model.Remove(cluster));
            bool wasZero = zero.Remove(cluster);
            Assert.True(wasZero == isZero || (mustBeWhole && !isZero));
        }

        // The best place, or the lowest.
        if (run.First.Value != near)
            Assert.DoesNotContain(model, first => first < run.First.Value && Enumerable.Range(0, minimum).All(i => model.Contains(first + i)));
    }
}
