using System;

namespace Qed.Formats.Vhdx;

/// <summary>Which grains of a block in the making are held by the image itself, and so not by its parent.</summary>
internal sealed class SectorMarks
{
    private readonly ulong[] _bits;
    private readonly int _grains;
    private int _marked;

    /// <param name="grains">Grains of the block that lie within the disk.</param>
    internal SectorMarks(int grains)
    {
        _grains = grains;
        _bits = new ulong[(grains + 63) / 64];
    }

    /// <summary>Whether the parent shows through nowhere.</summary>
    internal bool IsWhole => _marked == _grains;

    internal void Mark(int first, int end)
    {
        for (int grain = first; grain < end; grain++)
        {
            ulong bit = 1UL << (grain & 63);
            if ((_bits[grain >> 6] & bit) != 0)
                continue;
            _bits[grain >> 6] |= bit;
            _marked++;
        }
    }

    /// <summary>Sets the block's part of a sector bitmap.</summary>
    /// <param name="bitmap">The part, all clear.</param>
    /// <param name="bytesInGrain">Bytes of it that stand for a grain.</param>
    internal void Fill(Span<byte> bitmap, int bytesInGrain)
    {
        for (int grain = 0; grain < _grains; grain++)
        {
            if ((_bits[grain >> 6] >> (grain & 63) & 1) != 0)
                bitmap.Slice(grain * bytesInGrain, bytesInGrain).Fill(0xff);
        }
    }
}
