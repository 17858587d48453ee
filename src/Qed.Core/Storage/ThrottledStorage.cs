using System;
using System.Threading;

namespace Qed.Storage;

/// <summary>Reads no faster than was asked for, all threads together, so that whoever works with the same disk is not held up.</summary>
internal sealed class ThrottledStorage(BlockStorage storage, long bytesPerSecond, CancellationToken cancellation) : BlockStorage, IHoleMap
{
    // What is read at once, so that one large read does not use up a second's share in one go.
    private const int Part = 64 << 10;

    private readonly RateLimit _limit = new(bytesPerSecond, cancellation);

    public override string Path => storage.Path;

    public override bool CanWrite => false;

    public override long Length => storage.Length;

    internal override bool HasFixedLength => storage.HasFixedLength;

    public override int Read(long offset, Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            Span<byte> part = buffer.Slice(total, Math.Min(Part, buffer.Length - total));
            _limit.Wait(part.Length);
            int read = storage.Read(offset + total, part);
            total += read;
            if (read < part.Length)
                break;
        }

        return total;
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new InvalidOperationException("A throttled storage is for reading.");

    public override void Flush()
    {
    }

    public StorageExtent NextExtent(long offset) => storage.NextExtent(offset);

    public bool IsHole(long offset, long length) => storage.IsHole(offset, length);

    /// <summary>The storage beneath is its owner's to close.</summary>
    protected override void Dispose(bool disposing)
    {
    }
}
