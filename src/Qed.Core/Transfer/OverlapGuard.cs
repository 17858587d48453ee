using System;
using System.Collections.Generic;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// Notices, while disks are gone through from their start to their end, that two blocks lie at one place in their file, or one
/// on its tables: what is read there is not what both have been written with. Not thread-safe.
/// </summary>
internal sealed class OverlapGuard
{
    private readonly Dictionary<BlockPlacement, Claims> _claims = [];

    /// <summary>Takes note of a run.</summary>
    /// <param name="image">The image that holds it.</param>
    /// <param name="run">The run; of those of one image each lies behind the ones before.</param>
    /// <returns>ImageCorrupt where it lies on another block, or on a table or a header; null where all is well.</returns>
    /// <exception cref="DiskImageException">The tables cannot be read.</exception>
    internal DiskImageException? FindDamage(DiskImage image, Extent run)
    {
        if (image.PlacementAt(run.Offset) is not { } placement)
            return null;
        if (!_claims.TryGetValue(placement, out Claims? claims))
            _claims.Add(placement, claims = new Claims(placement));
        return claims.Pass(run.Offset.Value - placement.GuestStart, run.Length, run.HostOffset?.Value);
    }

    private sealed class Claims
    {
        private readonly BlockPlacement _placement;
        private readonly ClaimedSpace _structures = new();
        private readonly ClaimedSpace _blocks = new();
        // Chains cut runs anywhere, also within a block: each is looked at once.
        private long _nextBlock;
        private bool _isTold;

        internal Claims(BlockPlacement placement)
        {
            _placement = placement;
            foreach (FileRange range in placement.Structures())
            {
                // What lies before all blocks is in nobody's way.
                if (range.Length > 0 && range.End > placement.Origin)
                    _structures.Mark(UnitOf(Math.Max(range.Offset, placement.Origin)), UnitOf(range.End - 1) + 1);
            }
        }

        internal DiskImageException? Pass(long offset, long length, long? host)
        {
            long block = Math.Max(_nextBlock, offset / _placement.BlockSize);
            long end = ((offset + length - 1) / _placement.BlockSize) + 1;
            if (block >= end)
                return null;
            _nextBlock = end;
            if (_placement.NextPlaced is { } next)
                return PassSingly(next, block, end);
            return host is { } start ? Claim(block, end, start + ((block * _placement.BlockSize) - offset)) : null;
        }

        private DiskImageException? PassSingly(Func<long, long, (long Block, long Host)?> next, long block, long end)
        {
            DiskImageException? first = null;
            while (next(block, end) is { } placed)
            {
                DiskImageException? damage = Claim(placed.Block, placed.Block + 1, placed.Host);
                first ??= damage;
                block = placed.Block + 1;
            }

            return first;
        }

        /// <summary>Claims the place of blocks that lie one behind the other.</summary>
        private DiskImageException? Claim(long block, long end, long host)
        {
            long guest = block * _placement.BlockSize;
            long bytes = Math.Min(_placement.GuestLength, end * _placement.BlockSize) - guest;
            return ClaimBytes(guest, host - _placement.Lead, bytes + _placement.Lead);
        }

        private DiskImageException? ClaimBytes(long guest, long host, long bytes)
        {
            long first = UnitOf(host);
            long count = UnitOf(host + bytes - 1) - first + 1;
            if (_structures.IsClaimed(first, count))
                return Overlap(First(first, count, unit => _structures.IsClaimed(unit, 1)), first, guest, "a block lies on the image's own tables");
            if (!_blocks.TryClaim(first, count))
                return ClaimSingly(first, count, guest);
            if ((_structures.IsExhausted || _blocks.IsExhausted) && !_isTold)
            {
                _isTold = true;
                Log.PlacesTooScattered(_placement.Logger, _placement.Path);
            }

            return null;
        }

        private DiskImageException? ClaimSingly(long first, long count, long guest)
        {
            DiskImageException? damage = null;
            for (long unit = first; unit < first + count; unit++)
            {
                if (!_blocks.TryClaim(unit, 1) && damage is null && !_placement.IsShared(new HostOffset(HostOf(unit))))
                    damage = Overlap(unit, first, guest, "two blocks lie at one place in the file, so one of them does not read as it was written");
            }

            return damage;
        }

        private static long First(long first, long count, Func<long, bool> isHit)
        {
            for (long unit = first; unit < first + count - 1; unit++)
            {
                if (isHit(unit))
                    return unit;
            }

            return first + count - 1;
        }

        private DiskImageException Overlap(long unit, long first, long guest, string rule)
        {
            long inRun = Math.Max(0, ((unit - first) * _placement.Unit) - _placement.Lead);
            return new DiskImageException(ErrorKind.ImageCorrupt, rule, _placement.Path)
            {
                Structure = $"block at guest offset {_placement.GuestStart + guest + inRun}",
                Offset = HostOf(unit),
            };
        }

        private long UnitOf(long host) => (host - _placement.Origin) / _placement.Unit;

        private long HostOf(long unit) => _placement.Origin + (unit * _placement.Unit);
    }
}
