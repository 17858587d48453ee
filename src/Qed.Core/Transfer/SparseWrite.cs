using System;
using Qed.Bits;
using Qed.Images;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>Writes bytes into an image in place, and what of them is zero as zeroes, which take up as little as the format allows.</summary>
internal static class SparseWrite
{
    /// <param name="image">An image that was opened for writing.</param>
    /// <param name="offset">Where the bytes go; they must lie within the disk.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="grain">Bytes, aligned on the guest's disk, that it is worth telling apart; a power of two.</param>
    internal static void Write(WritableDiskImage image, GuestOffset offset, ReadOnlySpan<byte> bytes, int grain)
    {
        while (!bytes.IsEmpty)
        {
            int length = GrainAt(offset, bytes.Length, grain);
            bool isZero = ZeroScan.IsZero(bytes.Slice(0, length));
            while (length < bytes.Length)
            {
                int next = GrainAt(offset + length, bytes.Length - length, grain);
                if (ZeroScan.IsZero(bytes.Slice(length, next)) != isZero)
                    break;
                length += next;
            }

            if (isZero)
                image.WriteZeroes(offset, length);
            else
                image.Write(offset, bytes.Slice(0, length));
            offset += length;
            bytes = bytes.Slice(length);
        }
    }

    /// <summary>Bytes from an offset to the end of the grain that it lies in, or to the end of what there is.</summary>
    internal static int GrainAt(GuestOffset offset, int left, int grain)
        => Math.Min(left, grain - (int)(offset.Value & (grain - 1)));
}
