using System;

namespace Qed.Storage;

/// <summary>Another storage to be read in a way of its own; it stays its owner's to close.</summary>
internal abstract class ReadOnlyView(BlockStorage storage) : BlockStorage
{
    public override string Path => Beneath.Path;

    public override bool CanWrite => false;

    public override long Length => Beneath.Length;

    internal override bool HasFixedLength => Beneath.HasFixedLength;

    /// <summary>What is read.</summary>
    private protected BlockStorage Beneath { get; } = storage;

    public override int Read(long offset, Span<byte> buffer) => Beneath.Read(offset, buffer);

    public override void Write(long offset, ReadOnlySpan<byte> buffer) => throw new InvalidOperationException("The storage is for reading.");

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
