using System;
using System.Buffers;
using Qed.Bits;
using Qed.Images;
using Qed.Space;
using Qed.Storage;
using Qed.Units;

namespace Qed.Engine;

/// <summary>Fills clusters that nothing leads to yet: what is written, zeroes, and what shows from beneath.</summary>
/// <param name="image">The image.</param>
/// <param name="storage">Its file.</param>
/// <param name="place">The clusters.</param>
/// <param name="start">What of the guest's disk they are to hold, from their start on.</param>
internal readonly struct NewClusters(QedImage image, BlockStorage storage, Allocation place, GuestOffset start)
{
    private const int CopyBuffer = 1 << 20;

    /// <summary>Writes data, and zeroes around it where there may be anything.</summary>
    /// <param name="offset">Guest offset of the data.</param>
    /// <param name="length">Bytes to write.</param>
    /// <param name="data">The data; empty for zeroes.</param>
    internal void Write(GuestOffset offset, long length, ReadOnlySpan<byte> data)
    {
        long before = offset - start;
        if (place.Freshness == Freshness.Stale)
        {
            long from = data.IsEmpty ? before : before + length;
            storage.WriteZeroes(place.Start.Value, before);
            storage.WriteZeroes(place.Start.Value + from, (place.Count << image.Geometry.ClusterBits) - from);
        }

        storage.Write(place.Start.Value + before, data);
    }

    /// <summary>Copy-on-write: copies what the backing file shows in a range where there are zeroes so far.</summary>
    internal void CopyBeneath(GuestOffset from, GuestOffset to)
    {
        HostOffset host = place.Start + (from - start);
        (DiskImage? backing, long left) = image.Beneath(from, Math.Min(to.Value, image.Length) - from.Value);
        if (left == 0)
            return;
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(CopyBuffer, left));
        try
        {
            while (left > 0)
            {
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, left));
                backing!.Read(from, part);
                if (!ZeroScan.IsZero(part))
                    storage.Write(host.Value, part);
                from += part.Length;
                host += part.Length;
                left -= part.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
