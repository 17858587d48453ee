using System;
using Qed.Images;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>Fills an image that exists, where it lies.</summary>
/// <param name="image">The image, opened for writing; stays the caller's.</param>
/// <param name="isRehearsal">Whether nothing is written, and the image need not be opened for it.</param>
internal sealed class InPlaceWriter(WritableDiskImage image, bool isRehearsal = false) : ImageWriter
{
    private const int SmallestGrain = 1 << 12;
    private const int LargestGrain = 1 << 20;

    // Its clusters: of less than one the image would have to keep the rest of what was there.
    public override int Grain { get; } = (int)Math.Max(SmallestGrain, Math.Min(LargestGrain, image.Details.ClusterSize ?? SmallestGrain));

    public override void Reserve(GuestOffset offset, long length)
    {
    }

    public override void Write(GuestOffset offset, ReadOnlySpan<byte> buffer)
    {
        if (!isRehearsal)
            image.Write(offset, buffer);
    }

    public override void WriteZeroes(GuestOffset offset, long length)
    {
        if (!isRehearsal)
            image.WriteZeroes(offset, length);
    }

    public override void Complete()
    {
        if (!isRehearsal)
            image.Flush();
    }
}
