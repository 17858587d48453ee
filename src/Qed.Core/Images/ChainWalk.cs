using System.Collections.Generic;
using Qed.Units;

namespace Qed.Images;

/// <summary>
/// Walks the extents of a whole chain. Each image is asked about each of its runs once, however many runs the images
/// below it make of one: asking from the top for every offset anew would take the product of both.
/// </summary>
internal static class ChainWalk
{
    /// <summary>What the chain says about a range, in order and without gaps; nothing below a level is asked before it is needed.</summary>
    internal static IEnumerable<ChainExtent> Over(DiskImage top, GuestOffset offset, long length)
    {
        var levels = new Stack<Level>();
        levels.Push(new Level(top, 0, top.GetExtents(offset, length).GetEnumerator()));
        while (levels.Count > 0)
        {
            Level level = levels.Peek();
            if (!level.Runs.MoveNext())
            {
                levels.Pop();
                continue;
            }

            Extent run = level.Runs.Current;
            (DiskImage? below, long reached) = run.Kind == ExtentKind.Unallocated ? level.Image.Beneath(run.Offset, run.Length) : default;
            if (reached == 0)
            {
                yield return new ChainExtent(run, level.Image, level.Depth);
                continue;
            }

            if (reached < run.Length)
                levels.Push(level with { Runs = One(run with { Offset = run.Offset + reached, Length = run.Length - reached }) });
            levels.Push(new Level(below!, level.Depth + 1, below!.GetExtents(run.Offset, reached).GetEnumerator()));
        }
    }

    private static IEnumerator<Extent> One(Extent run)
    {
        yield return run;
    }

    private readonly record struct Level(DiskImage Image, int Depth, IEnumerator<Extent> Runs);
}
