using System;
using System.Collections.Generic;
using System.Linq;
using Qed.Units;

namespace Qed.Images;

/// <summary>A part of a disk as a disk of its own. The image, which it reads with its chain, stays the caller's.</summary>
/// <param name="image">The image.</param>
/// <param name="start">Where the part starts.</param>
/// <param name="length">Bytes of the part, which must lie within the disk.</param>
internal sealed class DiskImageRange(DiskImage image, GuestOffset start, long length) : DiskImage
{
    public override string Path => image.Path;

    public override string Format => image.Format;

    public override long Length { get; } = length;

    internal override IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        RequireInside(offset, length);
        return image.GetChainExtents(start + offset.Value, length).Select(found => found.Run with
        {
            Offset = new GuestOffset(found.Run.Offset - start),
            Kind = found.Run.Kind == ExtentKind.Data ? ExtentKind.Data : ExtentKind.Zero,
            HostOffset = null,
        });
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum) => GetExtents(offset, maximum).First();

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        image.Read(start + offset.Value, buffer);
        return buffer.Length;
    }
}
