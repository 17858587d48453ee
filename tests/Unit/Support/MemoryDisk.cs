using System;
using Qed.Images;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>A disk in memory, to rest images on.</summary>
internal sealed class MemoryDisk(byte[] contents) : DiskImage
{
    public override string Path => "/memory/base.raw";

    public override string Format => "raw";

    public override long Length => contents.Length;

    private protected override Extent FindExtent(GuestOffset offset, long maximum) => new(offset, maximum, ExtentKind.Data, null);

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        contents.AsSpan((int)offset.Value, buffer.Length).CopyTo(buffer);
        return buffer.Length;
    }
}
