using System;
using System.Threading;
using Qed.Storage;

namespace Qed.Tests.Support;

/// <summary>A part of a storage as one of its own, which can nothing but what every storage can, and grow. The whole stays the caller's.</summary>
/// <param name="whole">The storage.</param>
/// <param name="start">Where the part starts.</param>
/// <param name="length">Bytes of the part.</param>
internal sealed class StorageSlice(BlockStorage whole, long start, long length) : BlockStorage, IResizable
{
    private long _length = length;

    public override string Path => whole.Path;

    public override bool CanWrite => whole.CanWrite;

    public override long Length => Interlocked.Read(ref _length);

    public override int Read(long offset, Span<byte> buffer)
    {
        int count = (int)Math.Clamp(Length - offset, 0, buffer.Length);
        // What was never written at the end of the part need not be there yet.
        whole.ReadOrZero(start + offset, buffer[..count]);
        return count;
    }

    public override void Write(long offset, ReadOnlySpan<byte> buffer)
    {
        whole.Write(start + offset, buffer);
        long end = offset + buffer.Length;
        for (long seen = Length; seen < end && Interlocked.CompareExchange(ref _length, end, seen) != seen;)
            seen = Length;
    }

    public void SetLength(long length) => Interlocked.Exchange(ref _length, length);

    public override void Flush() => whole.Flush();

    protected override void Dispose(bool disposing)
    {
    }
}
