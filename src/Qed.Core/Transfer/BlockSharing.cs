using System;
using Qed.Images;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>
/// Writes what was read from a source into a fresh image, without writing where the host's file system can let both files
/// share the blocks: that takes neither time nor space.
/// </summary>
/// <param name="source">The disk that the bytes were read from.</param>
/// <param name="target">The fresh image.</param>
internal sealed class BlockSharing(DiskImage source, ImageWriter target)
{
    // Whether the host can depends on the two file systems and on how the formats align data, which is alike for all
    // of a copy: after one refusal, asking for each piece would only delay it.
    private volatile bool _isPossible = true;

    /// <summary>Writes a range that was reserved. Called from several threads.</summary>
    /// <param name="offset">Guest offset of the range.</param>
    /// <param name="bytes">What the source holds there.</param>
    internal void Write(GuestOffset offset, ReadOnlySpan<byte> bytes)
    {
        int inSource = (int)Math.Max(0, Math.Min(bytes.Length, source.Length - offset.Value));
        if (!_isPossible || inSource == 0)
        {
            target.Write(offset, bytes);
            return;
        }

        int done = 0;
        foreach (ChainExtent extent in source.GetChainExtents(offset, inSource))
        {
            int length = (int)extent.Run.Length;
            if (!TryShare(extent))
                target.Write(extent.Run.Offset, bytes.Slice(done, length));
            done += length;
        }

        if (done < bytes.Length)
            target.Write(offset + done, bytes.Slice(done));
    }

    private bool TryShare(ChainExtent extent)
    {
        if (!_isPossible || extent.Run.Kind != ExtentKind.Data)
            return false;
        if (extent.Run.HostOffset is { } host && extent.Holder.ExtentStorage is { } storage
            && target.TryClone(extent.Run.Offset, storage, host, extent.Run.Length))
        {
            return true;
        }

        _isPossible = false;
        return false;
    }
}
