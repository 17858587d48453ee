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
    /// <param name="top">The chain.</param>
    /// <param name="offset">Where the range starts.</param>
    /// <param name="length">Bytes of the range.</param>
    /// <param name="stop">An image of the chain that is not asked, nor what lies below it: what it would be asked about is its own, unallocated; null to ask all.</param>
    internal static IEnumerable<ChainExtent> Over(DiskImage top, GuestOffset offset, long length, DiskImage? stop = null)
    {
        // Looked at before its entries are: whoever finds nothing beneath finds entries that say all.
        using BackingLink.Hold beneathTop = top.HoldBacking();
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
            (DiskImage? below, long reached) = level.Image.Beneath(run, level.Image == top ? beneathTop.Image : null);
            if (reached == 0)
            {
                yield return new ChainExtent(run, level.Image, level.Depth);
                continue;
            }

            if (reached < run.Length)
                levels.Push(level with { Runs = One(run with { Offset = run.Offset + reached, Length = run.Length - reached }) });
            if (below == stop)
                yield return new ChainExtent(run with { Length = reached }, below!, level.Depth + 1);
            else
                levels.Push(new Level(below!, level.Depth + 1, below!.GetExtents(run.Offset, reached).GetEnumerator()));
        }
    }

    private static IEnumerator<Extent> One(Extent run)
    {
        yield return run;
    }

    private readonly record struct Level(DiskImage Image, int Depth, IEnumerator<Extent> Runs);
}
