using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Images;
using Qed.Storage;
using Qed.Units;

namespace Qed.Tests.Support;

/// <summary>A disk in memory of which some ranges cannot be read, as bad sectors cannot.</summary>
/// <param name="contents">Its bytes, also those that nobody gets.</param>
/// <param name="bad">The ranges, in bytes from its start.</param>
internal sealed class FaultyDisk(byte[] contents, params (long Offset, long Length)[] bad) : DiskImage
{
    private const int InputOutputError = 5;

    private readonly List<(long Offset, int Length)> _failures = [];

    public override string Path => "/memory/faulty.raw";

    public override string Format => "raw";

    public override long Length => contents.Length;

    /// <summary>What the system reports, as its error number.</summary>
    internal int Error { get; init; } = InputOutputError;

    /// <summary>From which read on the bad ranges are bad; before it all reads.</summary>
    internal int GoodReads { get; set; }

    /// <summary>Called with each read that fails.</summary>
    internal Action? OnFailure { get; set; }

    /// <summary>Every read that failed.</summary>
    internal IReadOnlyList<(long Offset, int Length)> Failures
    {
        get
        {
            lock (_failures)
                return _failures.ToArray();
        }
    }

    private protected override Extent FindExtent(GuestOffset offset, long maximum) => new(offset, maximum, ExtentKind.Data, null);

    private protected override int ReadRun(GuestOffset offset, Span<byte> buffer)
    {
        long start = offset.Value;
        int length = buffer.Length;
        lock (_failures)
        {
            if (--GoodReads < 0 && bad.Any(range => range.Offset < start + length && start < range.Offset + range.Length))
            {
                _failures.Add((start, length));
                OnFailure?.Invoke();
                throw StorageErrors.Translate(new IOException("Input/output error", Error), Path);
            }
        }

        contents.AsSpan((int)start, length).CopyTo(buffer);
        return length;
    }
}
