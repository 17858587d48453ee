using System;
using Qed.Units;

namespace Qed.Images;

/// <summary>A disk of zeroes that lies nowhere, for asking what one of its size would take.</summary>
/// <param name="length">Bytes of the disk.</param>
internal sealed class EmptyDisk(long length) : DiskImage
{
    public override string Path => "disk";

    public override string Format => BackingReference.RawName;

    public override long Length => length;

    private protected override Extent FindExtent(GuestOffset offset, long maximum) => new(offset, maximum, ExtentKind.Zero, null);

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        buffer.Clear();
        return buffer.Length;
    }
}
