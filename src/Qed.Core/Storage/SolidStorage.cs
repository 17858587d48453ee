using System;

namespace Qed.Storage;

/// <summary>A storage to be read whole, whatever the host says of its holes, for those who must not overlook anything.</summary>
internal sealed class SolidStorage(BlockStorage storage) : BlockStorage
{
    public override string Path => storage.Path;

    public override bool CanWrite => false;

    public override long Length => storage.Length;

    internal override bool HasFixedLength => storage.HasFixedLength;

    public override int Read(long offset, Span<byte> buffer) => storage.Read(offset, buffer);

    public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new InvalidOperationException("The storage is for reading.");

    public override void Flush()
    {
    }

    /// <summary>The storage beneath is its owner's to close.</summary>
    protected override void Dispose(bool disposing)
    {
    }
}
