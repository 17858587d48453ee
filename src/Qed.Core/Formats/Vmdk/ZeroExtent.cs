using System;

namespace Qed.Formats.Vmdk;

/// <summary>An extent without a file, which reads as zeroes.</summary>
internal sealed class ZeroExtent(long length) : VmdkExtent(length)
{
    internal override ExtentRun Find(long offset, long maximum) => new(ExtentKind.Zero, maximum, null);

    internal override void Read(long offset, ExtentRun run, Span<byte> buffer) => buffer.Clear();
}
