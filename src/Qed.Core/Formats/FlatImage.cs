using System;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Formats;

/// <summary>An open image whose file holds the guest's bytes as they are, from its first one on; a format may have something behind them.</summary>
/// <param name="storage">The image's file.</param>
/// <param name="length">Bytes of the guest's disk.</param>
internal abstract class FlatImage(BlockStorage storage, long length) : MappedImage(storage)
{
    public override long Length { get; } = length;

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        StorageExtent run = Storage.NextExtent(offset.Value);
        ExtentKind kind = run.IsHole ? ExtentKind.Zero : ExtentKind.Data;
        return new Extent(offset, Math.Min(run.Length, maximum), kind, new HostOffset(offset.Value));
    }

    // Holes of the host need no looking for.
    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        Storage.ReadWhole(offset.Value, buffer);
        return buffer.Length;
    }
}
