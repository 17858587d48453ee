using System;
using System.Collections.Generic;
using Qed.Bits;

namespace Qed.Formats.Vhdx;

/// <summary>
/// Which blocks of a disk under construction have a place in the file. Places are given in guest order, so a block's one
/// is the number of blocks before it that have one, and a bit a block says it all. Not thread-safe.
/// </summary>
/// <param name="blocks">Blocks of the disk.</param>
/// <param name="isFixed">Whether each has its place from the start.</param>
internal sealed class BlockPlaces(long blocks, bool isFixed)
{
    private readonly SparseBitSet _placed = new(wordsInPage: 512);
    // Blocks with a place before each page of the set.
    private readonly Dictionary<long, long> _before = [];
    private long _last = -1;

    /// <summary>Blocks that have a place.</summary>
    internal long Count { get; private set; } = isFixed ? blocks : 0;

    /// <summary>The blocks that have a place, in order.</summary>
    internal IEnumerable<long> InOrder => isFixed ? All() : _placed.Groups(1);

    internal bool Contains(long block) => isFixed ? block < blocks : _placed.Contains(block);

    /// <summary>Gives a block the next place, if it is not the one that got the last one.</summary>
    /// <returns>Its place.</returns>
    /// <exception cref="InvalidOperationException">A block behind it has its place already.</exception>
    internal long Add(long block)
    {
        if (isFixed)
            return block;
        if (block < _last)
            throw new InvalidOperationException("Ranges are reserved in guest order.");
        if (block == _last)
            return Count - 1;
        _last = block;
        if (!_before.ContainsKey(block / _placed.PageSize))
            _before.Add(block / _placed.PageSize, Count);
        _placed.Add(block, block + 1);
        return Count++;
    }

    /// <summary>The place of a block, counted from 0.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    internal long this[long block]
    {
        get
        {
            if (!Contains(block))
                throw new InvalidOperationException("The range was not reserved.");
            int inPage = (int)(block % _placed.PageSize);
            return isFixed ? block : _before[block / _placed.PageSize] + _placed.Count(block - inPage, inPage);
        }
    }

    private IEnumerable<long> All()
    {
        for (long block = 0; block < blocks; block++)
            yield return block;
    }
}
