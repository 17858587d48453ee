using System;
using System.Threading;

namespace Qed.Storage;

/// <summary>Reads no faster than was asked for, all threads together, so that whoever works with the same disk is not held up.</summary>
internal sealed class ThrottledStorage(BlockStorage storage, long bytesPerSecond, CancellationToken cancellation) : ReadOnlyView(storage), IHoleMap
{
    // What is read at once, so that one large read does not use up a second's share in one go.
    private const int Part = 64 << 10;

    private readonly RateLimit _limit = new(bytesPerSecond, cancellation);

    public override int Read(long offset, Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            Span<byte> part = buffer.Slice(total, Math.Min(Part, buffer.Length - total));
            _limit.Wait(part.Length);
            int read = Beneath.Read(offset + total, part);
            total += read;
            if (read < part.Length)
                break;
        }

        return total;
    }

    public StorageExtent NextExtent(long offset) => Beneath.NextExtent(offset);

    public bool IsHole(long offset, long length) => Beneath.IsHole(offset, length);
}
