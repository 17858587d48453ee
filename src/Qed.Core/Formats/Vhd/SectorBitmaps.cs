using System;
using System.Threading;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>
/// The bitmaps before the blocks: a set bit for each sector that the image holds, most significant bit first. The last
/// few are kept; threads share them without waiting, since a kept bitmap never changes.
/// </summary>
/// <param name="storage">The image's file.</param>
/// <param name="blockSize">Bytes in a block.</param>
/// <param name="allowUnreadable">Whether a bitmap that the host cannot read counts as one of all sectors.</param>
internal sealed class SectorBitmaps(BlockStorage storage, int blockSize, bool allowUnreadable)
{
    private const int Kept = 32;

    private readonly int _sectors = blockSize / VhdFooter.SectorSize;
    private readonly Bitmap?[] _kept = new Bitmap?[Kept];

    /// <summary>How far, from a sector on, the sectors of a block are all held or all not held.</summary>
    /// <param name="block">The block's number.</param>
    /// <param name="host">Host offset of its bitmap.</param>
    /// <param name="sector">A sector of the block.</param>
    /// <param name="isHeld">Whether they are held.</param>
    /// <returns>The number of sectors, at least 1.</returns>
    internal int Run(long block, long host, int sector, out bool isHeld)
    {
        byte[] bits = Find(block, host).Bits;
        isHeld = IsSet(bits, sector);
        byte uniform = isHeld ? (byte)0xff : (byte)0;
        int end = sector + 1;
        while (end < _sectors)
        {
            if (end % 8 == 0 && bits[end / 8] == uniform)
                end += 8;
            else if (IsSet(bits, end) == isHeld)
                end++;
            else
                break;
        }

        return end - sector;
    }

    private static bool IsSet(byte[] bits, int sector) => (bits[sector / 8] & (0x80 >> (sector % 8))) != 0;

    private Bitmap Find(long block, long host)
    {
        ref Bitmap? place = ref _kept[block % Kept];
        if (Volatile.Read(ref place) is { } known && known.Block == block)
            return known;
        byte[] bits = new byte[(_sectors + 7) / 8];
        try
        {
            storage.ReadOrZero(host, bits);
        }
        catch (DiskImageException error) when (allowUnreadable && StorageErrors.IsFailedRead(error))
        {
            bits.AsSpan().Fill(byte.MaxValue);
        }

        var read = new Bitmap(block, bits);
        Volatile.Write(ref place, read);
        return read;
    }

    private sealed record Bitmap(long Block, byte[] Bits);
}
