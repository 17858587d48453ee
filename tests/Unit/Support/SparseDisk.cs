using System;
using System.Linq;
using System.Threading;
using Qed.Images;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>A large disk that is empty but for a few runs of one byte value, and counts what is read from it.</summary>
internal sealed class SparseDisk(long length, params (long Offset, int Length, byte Value)[] runs) : DiskImage
{
    private long _bytesRead;

    public override string Path => File;

    /// <summary>The file that it passes for; unless told otherwise none that exists.</summary>
    internal string File { get; init; } = "/memory/sparse.raw";

    public override string Format => "raw";

    public override long Length => length;

    internal long BytesRead => Volatile.Read(ref _bytesRead);

    /// <summary>Called before each read.</summary>
    internal Action? BeforeRead { get; set; }

    private protected override Extent FindExtent(GuestOffset offset, long maximum)
    {
        foreach ((long start, int count, _) in runs.OrderBy(run => run.Offset))
        {
            if (offset.Value < start)
                return new Extent(offset, Math.Min(maximum, start - offset.Value), ExtentKind.Zero, null);
            if (offset.Value < start + count)
                return new Extent(offset, Math.Min(maximum, start + count - offset.Value), ExtentKind.Data, null);
        }

        return new Extent(offset, maximum, ExtentKind.Zero, null);
    }

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        BeforeRead?.Invoke();
        Interlocked.Add(ref _bytesRead, buffer.Length);
        buffer.Clear();
        foreach ((long start, int count, byte value) in runs)
        {
            long from = Math.Max(start, offset.Value);
            long to = Math.Min(start + count, offset.Value + buffer.Length);
            if (from < to)
                buffer.Slice((int)(from - offset.Value), (int)(to - from)).Fill(value);
        }

        return buffer.Length;
    }
}
