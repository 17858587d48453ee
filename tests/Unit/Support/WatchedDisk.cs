using System;
using Qed.Images;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>A disk that tells when it is read, and whether it was closed.</summary>
internal sealed class WatchedDisk(byte[] contents) : DiskImage
{
    public override string Path => "/memory/base.raw";

    public override string Format => "raw";

    public override long Length => contents.Length;

    internal Action? BeforeRead { get; set; }

    internal Action? AfterRead { get; set; }

    internal bool IsClosed { get; private set; }

    private protected override Extent FindExtent(GuestOffset offset, long maximum) => new(offset, maximum, ExtentKind.Data, null);

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        BeforeRead?.Invoke();
        contents.AsSpan((int)offset.Value, buffer.Length).CopyTo(buffer);
        AfterRead?.Invoke();
        return buffer.Length;
    }

    protected override void Dispose(bool disposing)
    {
        IsClosed = true;
        base.Dispose(disposing);
    }
}
